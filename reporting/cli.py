"""The command line: ``python -m reporting``."""

import typer

from reporting.commands import (
    authorities,
    boundaries,
    counts,
    dead_letters,
    demo,
    importing,
    route,
    rules,
    schema,
    serve,
    staff,
    verify,
)

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__
)
app.command("serve")(serve.serve)
app.command("migrate")(schema.migrate)
app.command("openapi")(serve.openapi)
app.add_typer(authorities.app, name="authority")
app.add_typer(boundaries.app, name="boundaries")
app.add_typer(rules.categories, name="categories")
app.add_typer(rules.responsibilities, name="responsibilities")
app.command("route")(route.route)
app.command("import")(importing.import_)
app.add_typer(staff.app, name="staff")
app.add_typer(counts.app, name="counts")
app.command("verify")(verify.verify)
app.command("demo")(demo.demo)
app.command("dead-letters")(dead_letters.dead_letters)

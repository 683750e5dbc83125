"""The pages: what people see in a browser, rendered on the server over the same verbs as the API.

They work without JavaScript. A page keeps no token where a script can read it: the one that proves
"I reported this" comes as ``?t=…`` or from sending the form, and stays in an HttpOnly cookie.
"""

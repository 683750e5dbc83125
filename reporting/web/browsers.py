"""What a browser is called in a list of sessions: "Chrome on Android"."""

from typing import Final

#: The first that is in the text: those that also claim to be another stand before it.
_BROWSERS: Final = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS: Final = (
    ("iPad", "iPad"),
    ("iPhone", "iPhone"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Macintosh", "Mac"),
    ("Linux", "Linux"),
)
_LONGEST: Final = 40


def named(user_agent: str | None) -> str | None:
    """Browser and system in words; a program is called what it calls itself."""
    if not user_agent:
        return None
    browser = next((name for sign, name in _BROWSERS if sign in user_agent), None)
    system = next((name for sign, name in _SYSTEMS if sign in user_agent), None)
    if browser and system:
        return f"{browser} on {system}"
    itself = "".join(c for c in user_agent.split("/")[0].split("(")[0] if c.isprintable())
    return browser or system or itself.strip()[:_LONGEST] or None

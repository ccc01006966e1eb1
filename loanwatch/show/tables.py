"""How a table looks."""

from rich.table import Table


def titled(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", header_style="", expand=False)
    for name in columns:
        number = name not in ("table", "tier", "score", "borrower", "why", "name", "what", "seen")
        table.add_column(name, justify="right" if number else "left", overflow="fold")
    return table

"""Draws what soak.py has sampled: memory and open files over time.

    draw.py SOAK.CSV SOAK.SVG
"""
import csv
import math
import sys

WIDTH, PANEL, GAP, LEFT, TOP, RIGHT = 820, 190, 62, 64, 56, 20
COLOURS = {"store-probe": "#1f6fb4", "pd-operator": "#c8551b"}
PANELS = (
    ("Resident memory in MB", 1024 / 1e6, (("store-probe", "probe_rss_kb"), ("pd-operator", "operator_rss_kb"))),
    ("Open files", 1, (("store-probe", "probe_files"), ("pd-operator", "operator_files"))),
)


def step_for(most, parts):
    """A round step of which about so many make up `most`."""
    rough = most / parts
    power = 10 ** math.floor(math.log10(rough))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)


class Axes:
    """One panel's coordinates: minutes to the right, from zero upwards."""

    def __init__(self, top, minutes, most):
        self.top, self.minutes, self.most = top, minutes, most

    def x(self, minute):
        return LEFT + minute / self.minutes * (WIDTH - LEFT - RIGHT)

    def y(self, value):
        return self.top + PANEL * (1 - value / self.most)


def text(x, y, words, anchor="start", colour="#333", weight="normal"):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" font-weight="{weight}">{words}</text>'


def line(x1, y1, x2, y2, colour="#ddd"):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def grid(axes, title):
    yield text(LEFT, axes.top - 12, title, weight="bold")
    step = step_for(axes.most, 5)
    for n in range(int(axes.most / step + 1e-9) + 1):
        y = axes.y(n * step)
        yield line(LEFT, y, WIDTH - RIGHT, y)
        yield text(LEFT - 8, y + 4, f"{n * step:g}", "end")
    step = step_for(axes.minutes, 8)
    for n in range(int(axes.minutes / step + 1e-9) + 1):
        yield text(axes.x(n * step), axes.top + PANEL + 18, f"{n * step:g} min", "middle")


def curve(axes, rows, field, factor, colour):
    points = " ".join(f"{axes.x(float(row['seconds']) / 60):.1f},{axes.y(float(row[field]) * factor):.1f}" for row in rows)
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>'


def panel(rows, top, title, factor, curves):
    largest = max(float(row[field]) * factor for row in rows for _, field in curves)
    step = step_for(largest * 1.1, 5)
    axes = Axes(top, max(float(rows[-1]["seconds"]) / 60, 0.1), math.ceil(largest * 1.1 / step) * step)
    yield from grid(axes, title)
    for name, field in curves:
        yield curve(axes, rows, field, factor, COLOURS[name])


def draw(source, target):
    with open(source, encoding="ascii", newline="") as file:
        rows = list(csv.DictReader(file))
    height = TOP + len(PANELS) * (PANEL + GAP)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
             'font-family="sans-serif" font-size="12">', f'<rect width="{WIDTH}" height="{height}" fill="white"/>']
    end = rows[-1]
    parts.append(text(LEFT, 20, f"{float(end['seconds']) / 60:.0f} minutes, {end['events']} events, {end['restarts']} broken watches"))
    for number, (name, colour) in enumerate(COLOURS.items()):
        parts.append(text(WIDTH - RIGHT - 100 * number, 20, name, "end", colour, "bold"))
    for number, (title, factor, curves) in enumerate(PANELS):
        parts += panel(rows, TOP + number * (PANEL + GAP), title, factor, curves)
    with open(target, "w", encoding="ascii") as file:
        file.write("\n".join([*parts, "</svg>"]) + "\n")


if __name__ == "__main__":
    draw(*sys.argv[1:])

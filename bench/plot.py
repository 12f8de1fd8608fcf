"""Draws the plot of the README: CPU per way, and time by connections."""

WIDTH, HEIGHT = 900, 340
PANEL = 340          # width of one plot area
TOP, BOTTOM = 60, 270
LEFT = (70, 520)     # left edges of the plot areas
COLORS = ("#4269d0", "#efb118", "#ff725c", "#6cc5b0", "#9c6b4e")
STYLE = """<style>
text { font: 12px sans-serif; fill: #333 }
.title { font-weight: bold; font-size: 13px }
.axis { stroke: #999; stroke-width: 1 }
.grid { stroke: #ddd; stroke-width: 1 }
.end { text-anchor: end } .middle { text-anchor: middle }
</style>"""


def text(x, y, content, css=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{css}">{content}</text>'


def line(x1, y1, x2, y2, css):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{css}"/>'


def nice_step(top):
    """A round step that divides an axis up to "top" into about five."""
    step = 0.01
    while True:
        for factor in (1, 2, 5):
            if top / (step * factor) <= 6:
                return step * factor
        step *= 10


def axis(left, top):
    """Horizontal grid lines, and the height of a value."""
    step = nice_step(top)
    parts = []
    value = 0.0

    def height(v):
        return BOTTOM - (BOTTOM - TOP) * v / top

    while value <= top * 1.0001:
        parts.append(line(left, height(value), left + PANEL, height(value), "grid" if value else "axis"))
        parts.append(text(left - 8, height(value) + 4, f"{value:g}", "end"))
        value = round(value + step, 6)
    return parts, height


def draw_cpu(figures, names):
    """Bars per provider: what each way costs per call."""
    ways = {"fdw": "calls_fdw", "floor": "C with json-c", "python": "Python, requests + COPY"}
    calls = figures.rows[0]["calls"]
    costs = {way: [figures.where(provider=p, way=way).median("cpu") / calls * 1e6 for p in names] for way in ways}
    parts, height = axis(LEFT[0], max(max(values) for values in costs.values()) * 1.05)
    slot = PANEL / len(names)
    bar = slot * 0.8 / len(ways)
    for k, (way, label) in enumerate(ways.items()):
        for i, value in enumerate(costs[way]):
            x = LEFT[0] + slot * (i + 0.1) + bar * k
            parts.append(f'<rect x="{x:.1f}" y="{height(value):.1f}" width="{bar - 1:.1f}" '
                         f'height="{BOTTOM - height(value):.1f}" fill="{COLORS[k]}"/>')
        parts.append(f'<rect x="{LEFT[0] + 115 * k}" y="310" width="10" height="10" fill="{COLORS[k]}"/>')
        parts.append(text(LEFT[0] + 115 * k + 15, 319, label))
    for i, name in enumerate(names.values()):
        parts.append(text(LEFT[0] + slot * (i + 0.5), BOTTOM + 18, name, "middle"))
    parts.append(text(LEFT[0], 30, "CPU per call, full scan (microseconds)", "title"))
    return parts


def draw_latency(figures, names):
    """A line per provider: the time of the longer scan over the connections."""
    pages = max(figures.values("pages"))
    connections = figures.values("connections")
    longest = max(figures.where(pages=pages).values("seconds"))
    parts, height = axis(LEFT[1], longest * 1.05)
    slot = PANEL / max(len(connections) - 1, 1)
    legend = LEFT[1]
    for k, (provider, name) in enumerate(names.items()):
        own = figures.where(pages=pages, provider=provider)
        points = [(LEFT[1] + slot * i, height(own.where(connections=n).median("seconds")))
                  for i, n in enumerate(connections)]
        parts.append(f'<polyline fill="none" stroke="{COLORS[k]}" stroke-width="2" points="' +
                     " ".join(f"{x:.1f},{y:.1f}" for x, y in points) + '"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{COLORS[k]}"/>' for x, y in points]
        parts.append(f'<rect x="{legend}" y="310" width="10" height="10" fill="{COLORS[k]}"/>')
        parts.append(text(legend + 15, 319, name))
        legend += 30 + 7 * len(name)
    for i, n in enumerate(connections):
        parts.append(text(LEFT[1] + slot * i, BOTTOM + 18, n, "middle"))
    parts.append(text(LEFT[1] + PANEL / 2, BOTTOM + 34, "max_connections", "middle"))
    parts.append(text(LEFT[1], 30, f"Scan of {pages} pages at 50 ms a round trip (seconds)", "title"))
    return parts


def draw(cpu, latency, names):
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">', STYLE,
                      '<rect width="100%" height="100%" fill="white"/>',
                      *draw_cpu(cpu, names), *draw_latency(latency, names), "</svg>", ""])

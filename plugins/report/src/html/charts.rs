//! Charts as inline SVG, each with its figures in words and as a table.

use maud::{Markup, html};

use super::text::{inner_list, list, short};
use super::{Page, coordinate, more, time, timeline};
use crate::chart::{Line, Plot, plot};
use crate::limits::{CHARTS, LIST_BYTES, MARKS, POINTS};
use crate::number::{clock, duration, figure, moment};

/// The drawing's size and the margins of its plot, in its own units.
const WIDTH: f64 = 520.0;
const HEIGHT: f64 = 220.0;
const LEFT: f64 = 62.0;
const RIGHT: f64 = 508.0;
const TOP: f64 = 24.0;
const BOTTOM: f64 = 192.0;

pub(super) fn section(page: &Page<'_>) -> Option<Markup> {
    let report = page.report;
    if report.charts.is_empty() {
        return None;
    }
    let plots: Vec<_> = report
        .charts
        .iter()
        .take(CHARTS)
        .map(|chart| (chart, plot(chart, report.during)))
        .collect();
    let empty: Vec<_> = plots.iter().filter(|(_, plot)| plot.is_none()).collect();
    let drawn = plots.iter().filter_map(|(_, plot)| plot.as_ref());
    let marks: Vec<_> = timeline::changes(page)
        .filter(|(_, at, _)| {
            plots
                .iter()
                .flat_map(|(_, plot)| plot)
                .any(|plot| is_within(plot, *at))
        })
        .collect();
    let figures = list(drawn.enumerate(), CHARTS, LIST_BYTES, |(position, plot)| {
        chart_of(plot, position + 1, marks.get(..MARKS).unwrap_or(&marks))
    });
    Some(html! {
        p.quiet {
            "The shaded part is the incident; thin level lines are what was usual before it (the median). "
            "Breaks in a line are times without telemetry. Times are in UTC."
        }
        div.charts { (figures.body) }
        (timeline::legend(&marks, MARKS))
        @if !empty.is_empty() {
            p.quiet {
                "Nothing was measured for: "
                @for (position, (chart, _)) in empty.iter().enumerate() {
                    @if position > 0 { "; " }
                    bdi { (short(&chart.title)) }
                }
                "."
            }
        }
        (more(report.charts.len() - plots.len() + figures.more, "charts"))
    })
}

fn is_within(plot: &Plot<'_>, at: u64) -> bool {
    at >= plot.start && at - plot.start <= plot.length()
}

/// From times and values to places in the drawing.
struct Scale {
    length: f64,
    low: f64,
    high: f64,
}

impl Scale {
    fn x(&self, nanos: f64) -> f64 {
        LEFT + (nanos / self.length).clamp(0.0, 1.0) * (RIGHT - LEFT)
    }

    fn y(&self, value: f64) -> f64 {
        let part = (value / 2.0 - self.low / 2.0) / (self.high / 2.0 - self.low / 2.0);
        BOTTOM - part.clamp(0.0, 1.0) * (BOTTOM - TOP)
    }
}

fn chart_of(plot: &Plot<'_>, number: usize, marks: &[(usize, u64, &str)]) -> Markup {
    let scale = Scale {
        length: plot.length() as f64,
        low: plot.ticks.first().copied().unwrap_or(0.0),
        high: plot.ticks.last().copied().unwrap_or(1.0),
    };
    let title = if plot.title.trim().is_empty() {
        "Chart"
    } else {
        plot.title
    };
    html! {
        figure.chart {
            figcaption { h3 { (short(title)) } }
            svg role="img" viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } aria-labelledby={ "chart-" (number) " chart-" (number) "-text" } {
                title id={ "chart-" (number) } { (short(title)) }
                desc id={ "chart-" (number) "-text" } { (description(plot)) }
                (frame(plot, &scale))
                @for (mark, at, _) in marks.iter().filter(|(_, at, _)| is_within(plot, *at)) {
                    @let x = coordinate(scale.x((at - plot.start) as f64));
                    line.mark x1=(x) x2=(x) y1=(coordinate(TOP - 8.0)) y2=(coordinate(BOTTOM)) {}
                    text.mark x=(x) y=(coordinate(TOP - 11.0)) text-anchor="middle" { "C" (mark) }
                }
                @for (position, line) in plot.lines.iter().enumerate() {
                    @if let Some(before) = line.before {
                        @let y = coordinate(scale.y(before));
                        line class={ "usual l" (position) } x1=(coordinate(LEFT)) x2=(coordinate(RIGHT)) y1=(y) y2=(y) {}
                    }
                    (curve(line, position, plot, &scale))
                }
            }
            (legend(plot))
            (table(plot))
        }
    }
}

/// Incident, grid and axes.
fn frame(plot: &Plot<'_>, scale: &Scale) -> Markup {
    let window = plot
        .window
        .map(|(from, to)| (scale.x(from as f64), scale.x(to as f64)));
    html! {
        @if let Some((from, to)) = window {
            rect.window x=(coordinate(from)) y=(coordinate(TOP)) width=(coordinate((to - from).max(1.0))) height=(coordinate(BOTTOM - TOP)) {}
            @for edge in [from, to] {
                line.window x1=(coordinate(edge)) x2=(coordinate(edge)) y1=(coordinate(TOP)) y2=(coordinate(BOTTOM)) {}
            }
        }
        @for tick in &plot.ticks {
            @let y = scale.y(*tick);
            line.grid x1=(coordinate(LEFT)) x2=(coordinate(RIGHT)) y1=(coordinate(y)) y2=(coordinate(y)) {}
            text x=(coordinate(LEFT - 6.0)) y=(coordinate(y + 4.0)) text-anchor="end" { (tick_name(*tick, plot.unit)) }
        }
        @for (at, name) in plot.time_ticks() {
            @let x = scale.x(at as f64);
            line.axis x1=(coordinate(x)) x2=(coordinate(x)) y1=(coordinate(BOTTOM)) y2=(coordinate(BOTTOM + 4.0)) {}
            text x=(coordinate(x.clamp(LEFT + 14.0, RIGHT - 18.0))) y=(coordinate(BOTTOM + 18.0)) text-anchor="middle" { (name) }
        }
        line.axis x1=(coordinate(LEFT)) x2=(coordinate(RIGHT)) y1=(coordinate(BOTTOM)) y2=(coordinate(BOTTOM)) {}
        @if let Some((from, to)) = window {
            @if from > (LEFT + RIGHT) / 2.0 {
                text.window x=(coordinate(from - 5.0)) y=(coordinate(TOP + 12.0)) text-anchor="end" { "incident ▸" }
            } @else if to < RIGHT - 70.0 {
                text.window x=(coordinate(to + 5.0)) y=(coordinate(TOP + 12.0)) { "◂ incident" }
            } @else {
                text.window x=(coordinate(from + 5.0)) y=(coordinate(TOP + 12.0)) { "incident" }
            }
        }
    }
}

/// A tick with its unit where that is short; annotations such as `{request}/s` stand in the legend.
fn tick_name(value: f64, unit: &str) -> String {
    match unit {
        "s" | "ms" | "us" | "µs" | "ns" | "min" | "By" | "%" => figure(value, unit),
        _ => figure(value, ""),
    }
}

/// A line through the middle of each step, broken where nothing was measured; a point alone is a dot.
fn curve(line: &Line<'_>, position: usize, plot: &Plot<'_>, scale: &Scale) -> Markup {
    let mut path = String::new();
    let mut dots = Vec::new();
    let mut run: Vec<(f64, f64)> = Vec::new();
    let ends = std::iter::once(&f64::NAN);
    for (step, value) in line.values.iter().chain(ends).enumerate() {
        if value.is_finite() {
            run.push((scale.x((step as f64 + 0.5) * plot.step as f64), scale.y(*value)));
            continue;
        }
        if let [(x, y)] = run.as_slice() {
            dots.push((*x, *y));
        } else {
            for (place, (x, y)) in run.iter().enumerate() {
                path.push(if place == 0 { 'M' } else { 'L' });
                path.push_str(&format!("{} {}", coordinate(*x), coordinate(*y)));
            }
        }
        run.clear();
    }
    html! {
        @if !path.is_empty() { path class={ "curve l" (position) } d=(path) {} }
        @for (x, y) in dots { circle class={ "curve l" (position) } cx=(coordinate(x)) cy=(coordinate(y)) r="2.5" {} }
    }
}

/// What a line says, in words.
fn words(line: &Line<'_>, unit: &str) -> String {
    let mut parts = Vec::new();
    if let Some(before) = line.before {
        parts.push(format!("before {}", figure(before, unit)));
    }
    if let Some(during) = line.during {
        parts.push(format!("during {}", figure(during, unit)));
    }
    if let Some((highest, at)) = line.highest {
        parts.push(format!("highest {} at {}", figure(highest, unit), clock(at)));
    }
    if parts.is_empty() {
        "nothing measured".to_owned()
    } else {
        parts.join(", ")
    }
}

fn description(plot: &Plot<'_>) -> Markup {
    html! {
        "Lines from " (moment(plot.start)) " to " (moment(plot.start.saturating_add(plot.length()))) " UTC."
        @for line in &plot.lines { " " (short(line.name)) ": " (short(&words(line, plot.unit))) "." }
    }
}

fn legend(plot: &Plot<'_>) -> Markup {
    html! {
        ul.legend {
            @for (position, line) in plot.lines.iter().enumerate() {
                li {
                    svg.swatch viewBox="0 0 26 10" aria-hidden="true" {
                        line class={ "curve l" (position) } x1="0" x2="26" y1="5" y2="5" {}
                    }
                    " " strong { (short(line.name)) } ": " (short(&words(line, plot.unit)))
                }
            }
        }
        (more(plot.more, "lines"))
    }
}

fn table(plot: &Plot<'_>) -> Markup {
    let rows = inner_list(0..plot.points, POINTS, |position| {
        let at = plot.time_of(position);
        html! {
            tr {
                th scope="row" { (time(at, &moment(at))) }
                @for line in &plot.lines {
                    @let value = line.values.get(position).copied().unwrap_or(f64::NAN);
                    td.number { @if value.is_nan() { "–" } @else { (short(&figure(value, plot.unit))) } }
                }
            }
        }
    });
    html! {
        details {
            summary { "Figures as a table" }
            div.scroll tabindex="0" role="region" aria-label="Figures of the chart" {
                table {
                    caption {
                        "Steps of " (duration(plot.step as f64)) ", by their begin in UTC"
                        @if plot.merged > 1 { "; each is the mean of " (plot.merged) " that were measured" }
                        "."
                    }
                    thead { tr { th scope="col" { "Time" } @for line in &plot.lines { th.number scope="col" { (short(line.name)) } } } }
                    tbody { (rows.body) }
                }
            }
            (more(rows.more, "steps"))
        }
    }
}

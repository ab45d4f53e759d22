//! What is drawn, of whatever size the terminal is.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Cell, Paragraph, Row as TableRow, Table};

use super::facts::{self, Fact, Mark};
use super::gather::Trouble;
use super::keys::State;
use super::model::{Key, Row, View};
use super::text::digits;
use crate::output::cost;

/// So wide are the labels of what there is to know of a host.
const LABEL: usize = 10;

/// Those of its parts.
const PART: usize = 15;

/// So much of the place below the facts goes to the parts, in percent, where there
/// are as many; more only where the tools need less.
const PARTS_SHARE: u16 = 40;

/// Whether there may be colours: nothing is told by colour alone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Palette {
    pub(super) is_coloured: bool,
}

impl Palette {
    fn style(self, mark: Mark) -> Style {
        let colour = |colour| match self.is_coloured {
            true => Style::new().fg(colour),
            false => Style::new(),
        };
        match mark {
            Mark::Bad => colour(Color::Red).add_modifier(Modifier::BOLD),
            Mark::Poor => colour(Color::Yellow),
            Mark::Good => colour(Color::Green),
            Mark::Plain => Style::new(),
        }
    }
}

/// A column of the table of tools.
struct Column {
    head: &'static str,
    width: u16,
    /// What goes first where there is room for all but that: the least has the most.
    rank: u8,
    key: Option<Key>,
    cell: fn(&Row) -> String,
}

/// In the order in which they stand. The names take the room that is left.
const COLUMNS: [Column; 10] = [
    Column {
        head: "COMPONENT",
        width: 12,
        rank: 5,
        key: None,
        cell: |row| digits(&row.component),
    },
    Column {
        head: "CALLS",
        width: 6,
        rank: 0,
        key: Some(Key::Calls),
        cell: |row| cost::count(row.calls),
    },
    Column {
        head: "CALLS/S",
        width: 7,
        rank: 1,
        key: Some(Key::Rate),
        cell: |row| {
            row.rates
                .map_or_else(|| "-".to_owned(), |it| facts::rate(it.calls_a_second))
        },
    },
    Column {
        head: "ERRORS",
        width: 6,
        rank: 2,
        key: Some(Key::Errors),
        cell: |row| cost::count(row.errors),
    },
    Column {
        head: "BUSY",
        width: 6,
        rank: 8,
        key: None,
        cell: |row| cost::count(row.busy),
    },
    Column {
        head: "POLICY",
        width: 6,
        rank: 9,
        key: None,
        cell: |row| cost::count(row.policy),
    },
    Column {
        head: "P50",
        width: 8,
        rank: 7,
        key: None,
        cell: |row| facts::percentile(row.p50),
    },
    Column {
        head: "P95",
        width: 8,
        rank: 3,
        key: Some(Key::P95),
        cell: |row| facts::percentile(row.p95),
    },
    Column {
        head: "FUEL",
        width: 6,
        rank: 4,
        key: Some(Key::Fuel),
        cell: |row| facts::amount(row.fuel),
    },
    Column {
        head: "MEMORY",
        width: 9,
        rank: 6,
        key: Some(Key::Memory),
        cell: |row| facts::size(row.memory_bytes),
    },
];

/// The narrowest column of names.
const NAME: u16 = 12;

/// Draws, and tells which row of the tools is the first that is shown.
pub(super) fn draw(
    frame: &mut Frame<'_>,
    palette: Palette,
    (views, troubles): (&[View], &[Trouble]),
    state: &State,
) -> usize {
    let [top, middle, bottom] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Fill(1),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    let sockets: Vec<_> = views.iter().map(|view| view.socket.clone()).collect();
    let place = state.place(&sockets);
    frame.render_widget(tabs(views, place, top.width), top);
    frame.render_widget(keys(state, bottom.width), bottom);
    match views.get(place) {
        Some(view) => host(frame, middle, palette, (view, troubles), state),
        None => {
            nobody(frame, middle, palette, troubles);
            0
        }
    }
}

/// All hosts, that which is shown first where they do not fit.
fn tabs(views: &[View], place: usize, width: u16) -> Line<'static> {
    let mut line = Line::from(Span::styled(" patinox top ", Modifier::BOLD));
    let titles: Vec<_> = views
        .iter()
        .map(|view| facts::title(&view.status))
        .collect();
    let wide = titles
        .iter()
        .map(|title| title.chars().count() + 3)
        .sum::<usize>();
    let fits = line.width() + wide < usize::from(width);
    for (number, title) in titles.into_iter().enumerate() {
        let style = match number == place {
            true => Style::new().add_modifier(Modifier::REVERSED),
            false => Style::new(),
        };
        if fits || place <= number {
            line.push_span(" ");
            line.push_span(Span::styled(format!(" {title} "), style));
        }
    }
    if !fits {
        line.push_span(format!("  host {} of {}", place + 1, views.len()));
    }
    line
}

fn host(
    frame: &mut Frame<'_>,
    area: Rect,
    palette: Palette,
    (view, troubles): (&View, &[Trouble]),
    state: &State,
) -> usize {
    let known = facts::of(view);
    let mut parts = facts::parts(&view.status);
    parts.extend(troubles.iter().map(trouble));
    let known_height = height(known.len()).min(area.height);
    let rest = area.height - known_height;
    // Each with its title, and that with the heads of its columns.
    let share = rest.saturating_mul(PARTS_SHARE) / 100;
    let spare = rest.saturating_sub(height(view.rows.len()).saturating_add(2));
    let parts_height = match share.max(spare) {
        0..2 => 0,
        most => height(parts.len()).saturating_add(1).min(most),
    };
    let [facts_area, tools_area, parts_area] = Layout::vertical([
        Constraint::Length(known_height),
        Constraint::Fill(1),
        Constraint::Length(parts_height),
    ])
    .areas(area);
    let lines = known
        .iter()
        .map(|fact| line(fact, LABEL, area.width, palette));
    frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()), facts_area);
    of_parts(frame, parts_area, palette, &parts);
    tools(frame, tools_area, view, state)
}

fn trouble(trouble: &Trouble) -> Fact {
    let file = trouble.path.file_name().unwrap_or(trouble.path.as_os_str());
    Fact {
        label: facts::name(&file.to_string_lossy()),
        text: trouble.why.clone(),
        mark: Mark::Bad,
    }
}

fn nobody(frame: &mut Frame<'_>, area: Rect, palette: Palette, troubles: &[Trouble]) {
    let mut lines = vec![Line::from(
        " no host can be watched now; the next one is shown when it comes",
    )];
    let troubles = troubles.iter().map(trouble);
    lines.extend(troubles.map(|fact| line(&fact, PART, area.width, palette)));
    frame.render_widget(Paragraph::new(lines), area);
}

fn line(fact: &Fact, label: usize, width: u16, palette: Palette) -> Line<'static> {
    let head = format!(" {:<label$}", fact.label);
    let left = usize::from(width).saturating_sub(Span::raw(&head).width());
    Line::from(vec![
        Span::styled(head, Modifier::DIM),
        Span::styled(fit(&fact.text, left), palette.style(fact.mark)),
    ])
}

/// As much of a text as a line has room for, with a sign that there is more.
fn fit(text: &str, width: usize) -> String {
    if Span::raw(text).width() <= width {
        return text.to_owned();
    }
    // No character is narrower than nothing: more than that are never shown.
    let mut short: String = text.chars().take(width).collect();
    while width < Span::raw(&short).width() + 1 && short.pop().is_some() {}
    short.push('…');
    short
}

fn title(text: &str, width: u16) -> Line<'static> {
    let text = format!("{text:<width$}", width = usize::from(width));
    Line::from(Span::styled(text, Modifier::REVERSED))
}

fn tools(frame: &mut Frame<'_>, area: Rect, view: &View, state: &State) -> usize {
    let rows = view.rows(&state.filter, state.sort);
    let columns = columns(area.width);
    // Below its title and its head.
    let seen = usize::from(area.height.saturating_sub(2));
    let first = state.first.min(rows.len().saturating_sub(seen));
    let [title_area, table_area] =
        Layout::vertical([Constraint::Length(1), Constraint::Fill(1)]).areas(area);
    let order = if state.sort.is_reversed {
        ", reversed"
    } else {
        ""
    };
    let shown = match rows.len() {
        0 => "none".to_owned(),
        all => format!("{}-{} of {all}", first + 1, all.min(first + seen)),
    };
    let filter = match state.filter.is_empty() {
        true => String::new(),
        false => format!(", filtered by {}", facts::name(&state.filter)),
    };
    let key = state.sort.key.as_str();
    let told = format!(" tools {shown} by {key}{order}{filter}");
    frame.render_widget(title(&told, area.width), title_area);

    let heads = columns.iter().map(|column| {
        let style = match column.key == Some(state.sort.key) {
            true => Style::new().add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
            false => Style::new().add_modifier(Modifier::BOLD),
        };
        Cell::from(aligned(column, column.head.to_owned())).style(style)
    });
    let name = Cell::from(" TOOL").style(Modifier::BOLD);
    let head = TableRow::new([name].into_iter().chain(heads));
    let body = rows.iter().skip(first).take(seen).map(|row| {
        let cells = columns
            .iter()
            .map(|column| Cell::from(aligned(column, (column.cell)(row))));
        let name = format!(" {}", facts::name(&row.tool));
        TableRow::new([Cell::from(name)].into_iter().chain(cells))
    });
    let widths = columns
        .iter()
        .map(|column| Constraint::Length(column.width));
    let widths = [Constraint::Fill(1)].into_iter().chain(widths);
    let table = Table::new(body, widths).header(head).column_spacing(1);
    frame.render_widget(table, table_area);
    first
}

/// Numbers stand below each other by their last digit.
fn aligned(column: &Column, text: String) -> Line<'static> {
    let line = Line::from(text);
    match column.head {
        "COMPONENT" => line,
        _ => line.right_aligned(),
    }
}

/// The columns that fit, beside the names.
fn columns(width: u16) -> Vec<&'static Column> {
    let mut by_rank: Vec<_> = COLUMNS.iter().collect();
    by_rank.sort_by_key(|column| column.rank);
    let mut left = width.saturating_sub(NAME);
    let mut last = None;
    for column in by_rank {
        let Some(rest) = left.checked_sub(column.width + 1) else {
            break;
        };
        (left, last) = (rest, Some(column.rank));
    }
    let fits = |column: &&Column| last.is_some_and(|last| column.rank <= last);
    COLUMNS.iter().filter(fits).collect()
}

fn of_parts(frame: &mut Frame<'_>, area: Rect, palette: Palette, parts: &[Fact]) {
    if area.is_empty() {
        return;
    }
    let room = usize::from(area.height).saturating_sub(1);
    let shown = match parts.len() <= room {
        true => parts.len(),
        false => room.saturating_sub(1),
    };
    let mut lines = vec![title(" alerts and health", area.width)];
    let parts_lines = parts.iter().take(shown);
    lines.extend(parts_lines.map(|fact| line(fact, PART, area.width, palette)));
    if shown < parts.len() {
        lines.push(Line::from(format!(" and {} more", parts.len() - shown)));
    }
    frame.render_widget(Paragraph::new(lines), area);
}

fn keys(state: &State, width: u16) -> Line<'static> {
    let text = match (state.is_typing, state.filter.is_empty()) {
        (true, _) => {
            let filter = facts::name(&state.filter);
            format!(" filter: {filter}_   Enter keep  Esc put away")
        }
        (false, false) => " q leave  Esc put the filter away  / filter  Tab next host".to_owned(),
        (false, true) => {
            " q leave  Tab host  / filter  sort: c s e p f m n  r reverse  Up Down".to_owned()
        }
    };
    let text = fit(&text, usize::from(width));
    Line::from(Span::styled(text, Modifier::DIM))
}

fn height(lines: usize) -> u16 {
    u16::try_from(lines).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests;

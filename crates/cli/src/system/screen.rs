//! What `gleis top` shows: a table of all sockets.

use gleis_core::{AgentInfo, Condition, SocketInfo, Status};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Text};
use ratatui::widgets::{Cell, Row, Table, TableState};

use super::rates::{Rate, Seen, name, short};

const HEADS: [&str; 9] =
    ["AGENT", "STATE", "SOCKET", "KIND", "PEERS", "OUT/S", "IN/S", "WAITING", "DROPPED"];

/// By what the rows are ordered.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Order {
    #[default]
    Name,
    Rate,
    Waiting,
    Dropped,
}

impl Order {
    pub(super) fn next(self) -> Self {
        match self {
            Self::Name => Self::Rate,
            Self::Rate => Self::Waiting,
            Self::Waiting => Self::Dropped,
            Self::Dropped => Self::Name,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Rate => "rate",
            Self::Waiting => "waiting",
            Self::Dropped => "dropped",
        }
    }
}

/// One line: a socket, or an agent without any.
struct Entry<'a> {
    agent: &'a AgentInfo,
    socket: Option<&'a SocketInfo>,
    rate: Option<Rate>,
}

impl Entry<'_> {
    fn waiting(&self) -> u64 {
        self.socket.map_or(0, |it| it.sent.waiting + it.received.waiting)
    }

    fn dropped(&self) -> u64 {
        self.socket.map_or(0, |it| it.sent.dropped + it.received.dropped)
    }

    fn total(&self) -> f64 {
        self.rate.map_or(0.0, |it| it.sent + it.received)
    }

    fn cells(&self) -> [String; 9] {
        let Self { agent, socket, rate } = self;
        let of = |it: fn(&SocketInfo) -> String| socket.map(it).unwrap_or_default();
        let number = |n: u64| if socket.is_some() { n.to_string() } else { String::new() };
        [
            agent.name.to_string(),
            state(agent),
            of(|it| it.alias.clone()),
            of(|it| it.kind.clone()),
            of(|it| it.peers.map(|it| it.to_string()).unwrap_or_default()),
            short(rate.map(|it| it.sent)),
            short(rate.map(|it| it.received)),
            number(self.waiting()),
            number(self.dropped()),
        ]
    }
}

/// Where an agent is in its life; of one that is busy or stuck, with what.
fn state(agent: &AgentInfo) -> String {
    match &agent.status {
        Some(Status { condition: Condition::Busy | Condition::Stuck, .. })
            if agent.state != "running" =>
        {
            agent.state.clone()
        }
        Some(Status { condition: it @ (Condition::Busy | Condition::Stuck), handler, .. }) => {
            format!("{it}: {}", handler.as_deref().unwrap_or_default())
        }
        _ => agent.state.clone(),
    }
}

/// Whether an agent is as it should be.
fn is_well(agent: &AgentInfo) -> bool {
    let is_stuck = agent.status.as_ref().is_some_and(|it| it.condition == Condition::Stuck);
    agent.state == "running" && !is_stuck
}

/// How many lines there are.
pub(super) fn n_lines(seen: &Seen) -> usize {
    seen.topology.agents.iter().map(|it| it.sockets.len().max(1)).sum()
}

/// The lines of the table, in order.
fn entries(seen: &Seen, order: Order) -> Vec<Entry<'_>> {
    let mut entries = Vec::new();
    for agent in &seen.topology.agents {
        let sockets = agent.sockets.iter();
        entries.extend(sockets.map(|socket| {
            let rate = seen.rate(&name(agent, socket));
            Entry { agent, socket: Some(socket), rate }
        }));
        if agent.sockets.is_empty() {
            entries.push(Entry { agent, socket: None, rate: None });
        }
    }
    match order {
        Order::Name => (),
        Order::Rate => entries.sort_by(|a, b| b.total().total_cmp(&a.total())),
        Order::Waiting => entries.sort_by_key(|it| std::cmp::Reverse(it.waiting())),
        Order::Dropped => entries.sort_by_key(|it| std::cmp::Reverse(it.dropped())),
    }
    entries
}

/// The same as plain text, for `--once`.
pub(super) fn plain(seen: &Seen, order: Order) -> String {
    let lines: Vec<_> = entries(seen, order).iter().map(Entry::cells).collect();
    let heads = HEADS.map(str::to_owned);
    let width = |column: usize| {
        let cells = lines.iter().chain([&heads]).map(|it| it[column].chars().count());
        cells.max().unwrap_or_default()
    };
    let widths: Vec<_> = (0..HEADS.len()).map(width).collect();
    let mut text = summary(seen, order) + "\n";
    for line in [&heads].into_iter().chain(&lines) {
        let cells = line.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| {
            match is_number(column) {
                true => format!("{cell:>width$}"),
                false => format!("{cell:width$}"),
            }
        });
        text += cells.collect::<Vec<_>>().join("  ").trim_end();
        text.push('\n');
    }
    text
}

/// Draws all of it.
pub(super) fn draw(
    frame: &mut Frame<'_>,
    seen: &Seen,
    order: Order,
    problem: Option<&str>,
    state: &mut TableState,
) {
    let rows = [Constraint::Length(1), Constraint::Min(1), Constraint::Length(1)];
    let [top, middle, bottom] = Layout::vertical(rows).areas(frame.area());
    frame.render_widget(Line::from(summary(seen, order)).style(Modifier::BOLD), top);
    let entries = entries(seen, order);
    let widths = (0..HEADS.len()).map(|column| {
        let cells = entries.iter().map(|it| it.cells()[column].chars().count());
        let widest = cells.chain([HEADS[column].len()]).max().unwrap_or_default();
        // A long error must not push out the numbers.
        Constraint::Length(u16::try_from(widest.min(32)).unwrap_or(32))
    });
    let heads = Row::new(HEADS.iter().enumerate().map(|(column, it)| cell(column, it)));
    let lines = entries.iter().map(|it| {
        let cells = it.cells();
        let row = Row::new(cells.iter().enumerate().map(|(column, it)| cell(column, it)));
        match (is_well(it.agent), it.dropped()) {
            (false, _) => row.style(Color::Red),
            (true, 0) => row,
            (true, _) => row.style(Color::Yellow),
        }
    });
    let table = Table::new(lines, widths)
        .header(heads.style(Modifier::UNDERLINED))
        .column_spacing(2)
        .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED));
    frame.render_stateful_widget(table, middle, state);
    let keys = "q quits, s sorts, arrows and pages move";
    let line = match problem {
        Some(problem) => Line::from(problem.to_owned()).style(Color::Red),
        None => Line::from(keys).style(Modifier::DIM),
    };
    frame.render_widget(line, bottom);
}

fn cell(column: usize, text: &str) -> Cell<'static> {
    let text = Text::from(text.to_owned());
    Cell::from(if is_number(column) { text.right_aligned() } else { text })
}

fn is_number(column: usize) -> bool {
    4 <= column
}

fn summary(seen: &Seen, order: Order) -> String {
    let agents = &seen.topology.agents;
    let n_bad = agents.iter().filter(|it| it.state != "running").count();
    let rate: f64 = entries(seen, order).iter().filter_map(|it| it.rate).map(|it| it.sent).sum();
    let bad = if n_bad == 0 { String::new() } else { format!(", {n_bad} not running") };
    let s = if agents.len() == 1 { "" } else { "s" };
    format!(
        "{} agent{s}{bad}, {} connections, {} messages/s, by {}",
        agents.len(),
        seen.topology.links.len(),
        short(Some(rate)),
        order.text()
    )
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::super::rates::tests::seen;
    use super::*;

    fn shown(seen: &Seen, order: Order, problem: Option<&str>) -> String {
        let mut terminal = Terminal::new(TestBackend::new(100, 6)).unwrap();
        let mut state = TableState::default();
        terminal.draw(|it| draw(it, seen, order, problem, &mut state)).unwrap();
        let buffer = terminal.backend().buffer();
        let rows = buffer.content().chunks(100);
        let rows = rows.map(|row| row.iter().map(|it| it.symbol()).collect::<String>());
        rows.map(|it| it.trim_end().to_owned() + "\n").collect()
    }

    #[test]
    fn the_screen_shows_agents_sockets_and_what_they_do() {
        let expect = "\
2 agents, 1 not running, 1 connections, 25.0 messages/s, by name
AGENT    STATE                     SOCKET  KIND  PEERS  OUT/S  IN/S  WAITING  DROPPED
archive  failed: the disk is full  main    PULL      1      0  25.0        0        0
camera   running                   main    PUSH      1   25.0     0        2        3

q quits, s sorts, arrows and pages move
";
        assert_eq!(shown(&seen(50), Order::Name, None), expect);
    }

    #[test]
    fn a_screen_that_cannot_look_says_so_and_shows_what_it_saw() {
        let shown = shown(&seen(50), Order::Name, Some("the name server is gone"));
        assert!(shown.contains("camera   running") && shown.contains("\nthe name server is gone"));
    }

    #[test]
    fn an_agent_that_is_busy_or_stuck_says_with_what() {
        let mut seen = seen(50);
        let handler = Some("method `work`".to_owned());
        for (condition, expect) in [
            (Condition::Idle, "running  "),
            (Condition::Busy, "busy: method `work`  "),
            (Condition::Stuck, "stuck: method `work`  "),
        ] {
            let status = Status { handler: handler.clone(), ..Status::of(condition) };
            seen.topology.agents[1].status = Some(status);
            let shown = shown(&seen, Order::Name, None);
            assert!(shown.contains(&format!("camera   {expect}")), "{shown}");
            assert_eq!(is_well(&seen.topology.agents[1]), condition != Condition::Stuck);
        }
    }

    #[test]
    fn rows_are_ordered_as_wanted() {
        let first = |order| entries(&seen(50), order)[0].agent.name.to_string();
        assert_eq!(first(Order::Name), "archive");
        assert_eq!(first(Order::Waiting), "camera");
        assert_eq!(first(Order::Dropped), "camera");
        let mut order = Order::Name;
        for _ in 0..4 {
            order = order.next();
        }
        assert_eq!(order, Order::Name);
    }

    #[test]
    fn plain_text_has_the_same_columns() {
        let text = plain(&seen(50), Order::Name);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 4);
        assert!(lines[3].starts_with("camera   running") && lines[3].ends_with('3'), "{text}");
    }
}

//! `gleis top`

use std::io::IsTerminal;
use std::pin::pin;
use std::time::Duration;

use crossterm::event::{Event, EventStream, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use futures::future::{Fuse, FusedFuture, FutureExt};
use futures::stream::StreamExt;
use gleis_agent::NameServerProxy;
use ratatui::DefaultTerminal;
use ratatui::widgets::TableState;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::rates::Seen;
use super::screen::{Order, draw, n_lines, plain};
use crate::agents::connect;
use crate::args::Top;
use crate::failure::{Failure, Outcome};
use crate::output::Output;
use crate::stop::Stop;

/// How long the first look takes, so that there are rates at once.
const FIRST: Duration = Duration::from_millis(500);

pub(crate) async fn top(command: Top, output: Output, timeout: Duration) -> Outcome {
    let Top { at, every, once } = command;
    let mut stop = Stop::new()?;
    if !once && !output.json && !std::io::stdout().is_terminal() {
        return Err(Failure::usage("there is no terminal here").hint("gleis top --once"));
    }
    let ns = connect(&at, timeout).await?;
    let seen = tokio::select! {
        seen = first(&ns, timeout) => seen?,
        res = stop.asked() => return res,
    };
    match (once, output.json) {
        (true, true) => output.line("", &seen.to_json()),
        (true, false) => output.text(&plain(&seen, Order::Name)),
        (false, true) => lines(&ns, seen, every, timeout, output, stop).await,
        (false, false) => {
            let shown = match ratatui::try_init() {
                Ok(terminal) => show(terminal, &ns, seen, every, timeout, stop).await,
                Err(error) => Err(Failure::local(&error)),
            };
            // Also if it was begun and not ended.
            ratatui::restore();
            shown
        }
    }
}

/// Two looks, a moment apart.
async fn first(ns: &NameServerProxy, timeout: Duration) -> Outcome<Seen> {
    let first = Seen::look(ns, timeout, None).await?;
    tokio::time::sleep(FIRST).await;
    Seen::look(ns, timeout, Some(&first)).await
}

/// A line for each look, until Ctrl-C.
async fn lines(
    ns: &NameServerProxy,
    mut seen: Seen,
    every: Duration,
    timeout: Duration,
    output: Output,
    mut stop: Stop,
) -> Outcome {
    loop {
        output.line("", &seen.to_json())?;
        tokio::select! {
            () = tokio::time::sleep(every) => (),
            res = stop.asked() => return res,
        }
        seen = tokio::select! {
            now = Seen::look(ns, timeout, Some(&seen)) => now?,
            res = stop.asked() => return res,
        };
    }
}

/// A table that stays in place, until somebody has enough.
async fn show(
    mut terminal: DefaultTerminal,
    ns: &NameServerProxy,
    mut seen: Seen,
    every: Duration,
    timeout: Duration,
    mut stop: Stop,
) -> Outcome {
    let (mut keys, mut ticks) = (EventStream::new(), interval(every));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    ticks.reset();
    let (mut order, mut problem, mut state) = (Order::default(), None, TableState::default());
    // Beside the rest: keys are heard while agents are waited for.
    let mut looking = pin!(Fuse::terminated());
    loop {
        let drawn = terminal.draw(|it| draw(it, &seen, order, problem.as_deref(), &mut state));
        drawn.map_err(|it| Failure::local(&it))?;
        tokio::select! {
            _ = ticks.tick(), if looking.is_terminated() => {
                looking.set(ns.topology(timeout.min(every)).fuse());
            }
            topology = &mut looking => match topology {
                Ok(it) => (seen, problem) = (Seen::new(it, Instant::now(), Some(&seen)), None),
                Err(error) => problem = Some(Failure::unreachable(&error).text),
            },
            key = keys.next() => match key {
                Some(Ok(Event::Key(key))) => match act(key, &seen, &mut order, &mut state) {
                    Act::Go => (),
                    Act::Quit => return Ok(()),
                },
                // The size has changed: it is drawn anew.
                Some(Ok(_)) => (),
                Some(Err(error)) => return Err(Failure::local(&error)),
                None => return Ok(()),
            },
            res = stop.asked() => return res,
        }
    }
}

#[derive(Debug, Eq, PartialEq)]
enum Act {
    Go,
    Quit,
}

/// Does what a key says.
fn act(key: KeyEvent, seen: &Seen, order: &mut Order, state: &mut TableState) -> Act {
    if key.kind == KeyEventKind::Release {
        return Act::Go;
    }
    let last = n_lines(seen).saturating_sub(1);
    let now = state.selected();
    let to = |line: usize| Some(line.min(last));
    match key.code {
        KeyCode::Char('q') | KeyCode::Esc => return Act::Quit,
        // The terminal gives Ctrl-C as a key.
        KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return Act::Quit,
        KeyCode::Char('s') => *order = order.next(),
        KeyCode::Down => state.select(now.map_or(Some(0), |it| to(it + 1))),
        KeyCode::Up => state.select(now.map(|it| it.saturating_sub(1))),
        KeyCode::PageDown => state.select(to(now.unwrap_or_default() + 10)),
        KeyCode::PageUp => state.select(now.map(|it| it.saturating_sub(10))),
        KeyCode::Home => state.select(Some(0)),
        KeyCode::End => state.select(Some(last)),
        _ => (),
    }
    Act::Go
}

#[cfg(test)]
mod tests {
    use super::super::rates::tests::seen;
    use super::*;

    #[test]
    fn keys_move_sort_and_quit() {
        let (seen, mut order, mut state) = (seen(0), Order::Name, TableState::default());
        let mut press = |code| act(KeyEvent::from(code), &seen, &mut order, &mut state);
        for code in [KeyCode::Down, KeyCode::Down, KeyCode::Down, KeyCode::Char('s')] {
            assert_eq!(press(code), Act::Go);
        }
        assert_eq!(press(KeyCode::Char('q')), Act::Quit);
        let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert_eq!(act(interrupt, &seen, &mut order, &mut state), Act::Quit);
        // There are two lines.
        assert_eq!((order, state.selected()), (Order::Rate, Some(1)));
    }
}

//! `gleis graph`

use std::fmt::Write;
use std::time::Duration;

use gleis_core::SocketLink;

use super::rates::{Seen, short};
use crate::agents::connect;
use crate::args::{Graph, GraphFormat};
use crate::failure::Outcome;
use crate::output::Output;
use crate::stop::Stop;

pub(crate) async fn graph(command: Graph, output: Output, timeout: Duration) -> Outcome {
    let Graph { at, format, over } = command;
    let mut stop = Stop::new()?;
    let ns = connect(&at, timeout).await?;
    let first = tokio::select! {
        first = Seen::look(&ns, timeout, None) => first?,
        res = stop.asked() => return res,
    };
    let again = async {
        tokio::time::sleep(over).await;
        Seen::look(&ns, timeout, Some(&first)).await.map(Some)
    };
    let again = match over.is_zero() {
        true => None,
        false => tokio::select! {
            again = again => again?,
            // What was seen so far is better than nothing.
            res = stop.asked() => res.map(|()| None)?,
        },
    };
    let seen = again.as_ref().unwrap_or(&first);
    match output.json {
        true => output.line("", &seen.to_json()),
        false => output.text(&draw(seen, format)),
    }
}

/// The graph as text.
pub(super) fn draw(seen: &Seen, format: GraphFormat) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = match format {
        GraphFormat::Dot => dot(&mut text, seen),
        GraphFormat::Mermaid => mermaid(&mut text, seen),
        GraphFormat::Text => plain(&mut text, seen),
    };
    text
}

fn dot(text: &mut String, seen: &Seen) -> std::fmt::Result {
    let quoted = |it: &str| it.replace('\\', "\\\\").replace('"', "\\\"");
    writeln!(text, "digraph gleis {{\n  rankdir=LR;\n  node [shape=box, style=rounded];")?;
    for agent in &seen.topology.agents {
        let (name, state) = (quoted(agent.name.as_str()), quoted(&agent.state));
        let colour = if agent.state == "running" { "" } else { ", color=red" };
        writeln!(text, "  \"{name}\" [label=\"{name}\\n{state}\"{colour}];")?;
    }
    for link in &seen.topology.links {
        let (from, to) = (quoted(link.from.agent.as_str()), quoted(link.to.agent.as_str()));
        let label = quoted(&label(seen, link));
        let colour = if dropped(seen, link) == 0 { "" } else { ", color=red" };
        writeln!(text, "  \"{from}\" -> \"{to}\" [label=\"{label}\"{colour}];")?;
    }
    writeln!(text, "}}")
}

fn mermaid(text: &mut String, seen: &Seen) -> std::fmt::Result {
    // Quotes and what else is special there are written as their numbers.
    let quoted = |it: &str| {
        let special = |it: char| matches!(it, '"' | '#' | '<' | '>' | '&' | '|' | '`');
        it.chars().fold(String::new(), |text, it| match special(it) {
            true => format!("{text}#{};", u32::from(it)),
            false => format!("{text}{it}"),
        })
    };
    let agents = &seen.topology.agents;
    writeln!(text, "graph LR")?;
    for (n, agent) in agents.iter().enumerate() {
        let (name, state) = (quoted(agent.name.as_str()), quoted(&agent.state));
        writeln!(text, "  a{n}[\"{name}<br/>{state}\"]")?;
    }
    for link in &seen.topology.links {
        let number = |name| agents.iter().position(|it| it.name == name).unwrap_or_default();
        let (from, to) = (number(link.from.agent.clone()), number(link.to.agent.clone()));
        writeln!(text, "  a{from} -->|\"{}\"| a{to}", quoted(&label(seen, link)))?;
    }
    Ok(())
}

fn plain(text: &mut String, seen: &Seen) -> std::fmt::Result {
    if seen.topology.agents.is_empty() {
        return writeln!(text, "there is no agent");
    }
    for agent in &seen.topology.agents {
        writeln!(text, "{}: {}", agent.name, agent.state)?;
        for link in seen.topology.links.iter().filter(|it| it.from.agent == agent.name) {
            writeln!(text, "  > {}  {}", link.to.agent, label(seen, link))?;
        }
    }
    Ok(())
}

/// What goes along a link.
fn label(seen: &Seen, link: &SocketLink) -> String {
    let kind = seen.socket(&link.from).map_or("", |it| &it.kind);
    let mut text = format!("{} {kind}", link.from.alias);
    if let Some(rate) = seen.link_rate(link) {
        text += &format!(", {}/s", short(Some(rate)));
    }
    match dropped(seen, link) {
        0 => text,
        n => format!("{text}, {n} dropped"),
    }
}

/// What was given up at both ends.
fn dropped(seen: &Seen, link: &SocketLink) -> u64 {
    let sent = seen.socket(&link.from).map_or(0, |it| it.sent.dropped);
    sent + seen.socket(&link.to).map_or(0, |it| it.received.dropped)
}

#[cfg(test)]
mod tests {
    use super::super::rates::tests::seen;
    use super::*;

    #[test]
    fn a_graph_is_drawn_for_graphviz() {
        let expect = r#"digraph gleis {
  rankdir=LR;
  node [shape=box, style=rounded];
  "archive" [label="archive\nfailed: the disk is full", color=red];
  "camera" [label="camera\nrunning"];
  "camera" -> "archive" [label="main PUSH, 25.0/s, 3 dropped", color=red];
}
"#;
        assert_eq!(draw(&seen(50), GraphFormat::Dot), expect);
    }

    #[test]
    fn a_graph_is_drawn_for_mermaid() {
        let expect = r#"graph LR
  a0["archive<br/>failed: the disk is full"]
  a1["camera<br/>running"]
  a1 -->|"main PUSH, 25.0/s, 3 dropped"| a0
"#;
        assert_eq!(draw(&seen(50), GraphFormat::Mermaid), expect);
    }

    #[test]
    fn a_graph_is_told_in_words() {
        let expect = "archive: failed: the disk is full\ncamera: running\n  > archive  main PUSH, 0/s, 3 dropped\n";
        assert_eq!(draw(&seen(0), GraphFormat::Text), expect);
    }

    #[test]
    fn what_is_special_in_a_format_is_only_text() {
        let mut seen = seen(0);
        seen.topology.agents[0].state = r#"failed: "a" <b> \ #1"#.to_owned();
        let dot = draw(&seen, GraphFormat::Dot);
        assert!(dot.contains(r#"failed: \"a\" <b> \\ #1""#), "{dot}");
        let mermaid = draw(&seen, GraphFormat::Mermaid);
        assert!(mermaid.contains(r#"failed: #34;a#34; #60;b#62; \ #35;1"]"#), "{mermaid}");
    }
}

//! Variables that look like ours and are none: a misspelt name would else be ignored without a word.

use std::fmt;

use crate::config::environment::Environment;
use crate::config::keys::{Key, keys};
use crate::config::layers::ALIKE;

/// What our own variables begin with.
const PREFIX: &str = "BOARDROOM_";

/// A variable that nothing reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stray {
    pub variable: String,
    /// The one that was meant, perhaps.
    pub nearest: Option<String>,
}

impl fmt::Display for Stray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not read: there is no such setting", self.variable)?;
        match &self.nearest {
            Some(nearest) => write!(f, "; did you mean {nearest}?"),
            None => write!(f, " (`boardroom config` lists those that there are)"),
        }
    }
}

/// The variables of the environment that begin as ours do and are none of ours, nor an orchestrator's.
#[must_use]
pub fn strays(environment: &Environment) -> Vec<Stray> {
    let known: Vec<_> = keys().iter().flat_map(Key::variables).collect();
    let ours = environment
        .names()
        .filter(|name| name.starts_with(PREFIX) && !known.iter().any(|known| known == name));
    ours.filter(|name| !is_injected(name, environment))
        .map(|name| Stray {
            variable: name.escape_debug().to_string(),
            nearest: nearest(name, &known),
        })
        .collect()
}

fn nearest(name: &str, known: &[String]) -> Option<String> {
    // The prefix, which all share, would make all alike.
    let rest = |name: &str| name.trim_start_matches(PREFIX).to_owned();
    let scored = known
        .iter()
        .map(|known| (strsim::jaro_winkler(&rest(name), &rest(known)), known));
    let best = scored.max_by(|one, other| one.0.total_cmp(&other.0));
    best.filter(|(score, _)| *score >= ALIKE)
        .map(|(_, known)| known.clone())
}

/// Kubernetes, and Docker's links, tell every container of a service whose name begins with `boardroom` in variables like these.
fn is_injected(name: &str, environment: &Environment) -> bool {
    let is_url = || matches!(environment.text(name), Ok(Some(text)) if text.contains("://"));
    let is_port = name.split("_PORT_").any(|part| {
        let mut words = part.split('_');
        let number = words.next().is_some_and(|word| word.parse::<u16>().is_ok());
        number && matches!(words.next(), Some("TCP" | "UDP" | "SCTP"))
    });
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || is_port
        || (name.ends_with("_PORT") && is_url())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_variable_is_told_with_the_one_that_was_meant() {
        let table = [
            ("BOARDROOM_SWEEP_EVRY", "5m", Some("BOARDROOM_SWEEP_EVERY")),
            (
                "BOARDROOM_DATABASE_URI",
                "x",
                Some("BOARDROOM_DATABASE_URL"),
            ),
            ("BOARDROOM_TRELLO_TOKEN", "x", Some("TRELLO_TOKEN")),
            ("BOARDROOM_XYZZY", "x", None),
        ];
        for (name, value, nearest) in table {
            let found = strays(&[(name, value)].into_iter().collect());
            assert_eq!(found.len(), 1, "{name}");
            assert_eq!(found[0].variable, name);
            assert_eq!(found[0].nearest.as_deref(), nearest, "{name}");
        }
        // A port alone is nothing that an orchestrator says.
        assert_eq!(
            strays(&[("BOARDROOM_PORT", "8080")].into_iter().collect()).len(),
            1
        );
    }

    #[test]
    fn our_own_variables_and_those_of_an_orchestrator_are_not_told() {
        let known = keys()
            .iter()
            .flat_map(Key::variables)
            .map(|name| (name, "x"));
        assert_eq!(strays(&known.collect()), []);
        let injected = [
            ("BOARDROOM_PORT", "tcp://10.0.0.1:8080"),
            ("BOARDROOM_SERVICE_HOST", "10.0.0.1"),
            ("BOARDROOM_SERVICE_PORT", "8080"),
            ("BOARDROOM_SERVICE_PORT_HTTP", "8080"),
            ("BOARDROOM_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
            ("BOARDROOM_PORT_8080_TCP_PROTO", "tcp"),
            ("BOARDROOM_PORT_8080_TCP_PORT", "8080"),
            ("BOARDROOM_PORT_8080_TCP_ADDR", "10.0.0.1"),
            ("BOARDROOM_POSTGRES_SERVICE_HOST", "10.0.0.1"),
            ("TRELLO_BOARD", "of somebody else"),
        ];
        assert_eq!(strays(&injected.into_iter().collect()), []);
    }
}

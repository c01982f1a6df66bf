//! The parameters of a PostgreSQL URL, by the names that the driver knows. It only logs what it does not know; here that is refused.

use std::net::IpAddr;
use std::num::NonZeroU16;

use url::Url;

use crate::config::layers::ALIKE;

/// The usual names first: these are suggested.
const NAMES: [(&str, Parameter); 18] = [
    ("sslmode", Parameter::Mode),
    ("sslrootcert", Parameter::RootCertificate),
    ("sslcert", Parameter::Certificate),
    ("sslkey", Parameter::Key),
    ("host", Parameter::Host),
    ("hostaddr", Parameter::Address),
    ("port", Parameter::Port),
    ("dbname", Parameter::Database),
    ("user", Parameter::User),
    ("password", Parameter::Password),
    ("application_name", Parameter::Application),
    ("options", Parameter::Options),
    ("statement-cache-capacity", Parameter::Statements),
    ("ssl-mode", Parameter::Mode),
    ("ssl-root-cert", Parameter::RootCertificate),
    ("ssl-ca", Parameter::RootCertificate),
    ("ssl-cert", Parameter::Certificate),
    ("ssl-key", Parameter::Key),
];

/// Parameters of other clients that are often copied along. Being words of a list, they may be repeated.
const OF_OTHERS: [&str; 12] = [
    "channel_binding",
    "client_encoding",
    "connect_timeout",
    "gssencmode",
    "keepalives",
    "passfile",
    "pgbouncer",
    "service",
    "sslcrl",
    "sslnegotiation",
    "sslpassword",
    "target_session_attrs",
];

const MODES: &str = "disable, allow, prefer, require, verify-ca or verify-full";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Parameter {
    Mode,
    RootCertificate,
    Certificate,
    Key,
    Host,
    Address,
    Port,
    Database,
    User,
    Password,
    Application,
    Options,
    Statements,
}

/// What `sslmode` comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Encrypted if both sides can, without a look at who the other side is.
    Opportunistic,
    /// A person has decided that it is encrypted, or that it is not.
    Decided,
}

/// What the parameters say.
#[derive(Default)]
pub(super) struct Parameters {
    pub(super) mode: Option<Mode>,
    /// Goes before the host of the URL.
    pub(super) host: Option<String>,
    /// Goes before the user of the URL.
    pub(super) user: Option<String>,
    /// Goes before the path of the URL.
    pub(super) database: Option<String>,
    /// Passwords as written and decoded, and a private key.
    pub(super) secrets: Vec<String>,
    /// Which parameter names which file.
    pub(super) files: Vec<(&'static str, String)>,
}

impl Parameters {
    pub(super) fn read(url: &Url) -> Result<Self, String> {
        let (mut parameters, mut seen) = (Self::default(), Vec::new());
        for (index, (name, value)) in url.query_pairs().enumerate() {
            let known = named(&name).ok_or_else(|| unknown(index + 1, &name))?;
            let (name, parameter) = known;
            if seen.contains(&parameter) && parameter != Parameter::Options {
                return Err(format!("the parameter {name} is there twice; remove one"));
            }
            seen.push(parameter);
            parameters.take(known, &value)?;
        }
        if seen.contains(&Parameter::Host) && seen.contains(&Parameter::Address) {
            return Err(
                "the parameters host and hostaddr are both there; remove one of them".into(),
            );
        }
        if seen.contains(&Parameter::Certificate) != seen.contains(&Parameter::Key) {
            return Err(
                "the parameters sslcert and sslkey belong together; write both or none".into(),
            );
        }
        let pairs = url.query().unwrap_or_default().split('&');
        let written = pairs.filter_map(|pair| pair.strip_prefix("password="));
        parameters.secrets.extend(written.map(str::to_owned));
        Ok(parameters)
    }

    fn take(&mut self, known: (&'static str, Parameter), value: &str) -> Result<(), String> {
        let (name, parameter) = known;
        let wrong = |fix: &str| Err(format!("the value of the parameter {name} is wrong; {fix}"));
        match parameter {
            Parameter::Mode => match mode(value) {
                Some(mode) => self.mode = Some(mode),
                None => return wrong(&format!("write {MODES}")),
            },
            // libpq's word, which the driver would take for the name of a file.
            Parameter::RootCertificate if value == "system" => {
                return wrong(
                    "leave it out: without it the certificates that the system trusts are used",
                );
            }
            Parameter::RootCertificate | Parameter::Certificate | Parameter::Key => {
                // The driver takes it for the thing itself then.
                let is_pem =
                    value.trim().starts_with("-----BEGIN") && value.trim().ends_with("-----");
                if !is_pem {
                    self.files.push((name, value.to_owned()));
                } else if parameter == Parameter::Key {
                    self.secrets.push(value.to_owned());
                }
            }
            Parameter::Host => self.host = Some(value.to_owned()),
            Parameter::Address => match value.parse::<IpAddr>() {
                Ok(_) => self.host = Some(value.to_owned()),
                Err(_) => return wrong("write an IP address, or a name with host="),
            },
            Parameter::Port => {
                if value.parse::<NonZeroU16>().is_err() {
                    return wrong("write a number from 1 to 65535");
                }
            }
            Parameter::Statements => {
                if value.parse::<usize>().is_err() {
                    return wrong("write a whole number, or leave it out");
                }
            }
            Parameter::Database => self.database = Some(value.to_owned()),
            Parameter::Password => self.secrets.push(value.to_owned()),
            Parameter::User => self.user = Some(value.to_owned()),
            Parameter::Application | Parameter::Options => {}
        }
        Ok(())
    }
}

fn named(name: &str) -> Option<(&'static str, Parameter)> {
    let setting = name.strip_prefix("options[");
    if setting.is_some_and(|setting| setting.len() > 1 && setting.ends_with(']')) {
        return Some(("options", Parameter::Options));
    }
    NAMES.into_iter().find(|(known, _)| *known == name)
}

fn mode(value: &str) -> Option<Mode> {
    match value.to_ascii_lowercase().as_str() {
        "allow" | "prefer" => Some(Mode::Opportunistic),
        "disable" | "require" | "verify-ca" | "verify-full" => Some(Mode::Decided),
        _ => None,
    }
}

/// The name itself is not repeated: behind an & that was not escaped it would be a piece of a password.
fn unknown(position: usize, name: &str) -> String {
    let name = name.to_ascii_lowercase();
    if let Some(known) = OF_OTHERS.into_iter().find(|other| *other == name) {
        return format!("the parameter {known} is not supported; remove it");
    }
    let scored = NAMES.map(|(known, _)| (strsim::jaro_winkler(&name, known), known));
    let closest = scored
        .into_iter()
        .max_by(|one, other| one.0.total_cmp(&other.0));
    match closest {
        Some((score, known)) if score >= ALIKE => {
            format!("its parameter number {position} is unknown; did you mean {known}?")
        }
        Some(_) | None => format!(
            "its parameter number {position} is unknown; remove it, or percent-encode an & that belongs to a value as %26"
        ),
    }
}

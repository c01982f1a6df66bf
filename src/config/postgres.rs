//! The URL of a PostgreSQL database, checked before anything connects. An error names what is wrong and how to put it right, and
//! never repeats the text: where a password was not escaped, any part of the text may be a piece of it.

mod parameters;

use std::fmt;
use std::net::IpAddr;
use std::path::Path;

use percent_encoding::percent_decode_str;
use secrecy::SecretString;
use url::{Host, ParseError, Url};

use crate::config::location::without_secrets;
use crate::config::postgres::parameters::{Mode, Parameters};
use crate::config::text_file;

/// The folder of a server's socket where a URL has its host.
const SOCKET: &str = "/run/postgresql";

const EXAMPLE: &str = "postgres://user:password@host/database";

/// A database on a PostgreSQL server. Shown without user, password and parameters.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl {
    text: String,
    /// The password as written, as the parser of URLs has it, and decoded.
    secrets: Vec<String>,
    /// Which parameter names which file.
    files: Vec<(&'static str, String)>,
    is_exposed: bool,
}

impl PostgresUrl {
    /// With user and password, for the driver alone, which understands all of it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// The password in every spelling that a text may have it in, and whatever else of it is secret.
    #[must_use]
    pub fn secrets(&self) -> Vec<SecretString> {
        let secrets = self.secrets.iter().cloned();
        secrets.map(SecretString::from).collect()
    }

    /// Whether it is left to the server, which may be another machine, if anybody on the way can read along.
    /// A person who wrote `sslmode=disable` has decided that.
    #[must_use]
    pub fn is_exposed(&self) -> bool {
        self.is_exposed
    }

    /// Looks into the files that parameters name, while somebody is there to read what is wrong with them.
    pub(super) fn check_files(&self) -> Result<(), String> {
        for (parameter, path) in &self.files {
            let text = text_file::read(Path::new(path));
            let text = text.map_err(|message| format!("{parameter}: {message}"))?;
            if !text.contains("-----BEGIN ") {
                return Err(format!(
                    "{parameter}: there is no PEM in the file; write a path to one"
                ));
            }
        }
        Ok(())
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&without_secrets(&self.text))
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

pub(super) fn parse(text: &str) -> Result<PostgresUrl, String> {
    let written = unescaped(text)?;
    let url = Url::parse(text).map_err(explained)?;
    let parameters = Parameters::read(&url)?;
    let host = match (&parameters.host, url.host_str()) {
        (Some(host), _) => host.clone(),
        (None, host) => decoded(host.unwrap_or_default(), "the host")?,
    };
    check_host(&host)?;
    check_database(text, &url, parameters.database.as_deref())?;
    let user = decoded(url.username(), "the user")?;
    check_user(parameters.user.as_deref().unwrap_or(&user))?;

    let of_url = url.password().unwrap_or_default();
    let plain = decoded(of_url, "the password")?;
    let mut secrets = vec![written.unwrap_or_default().to_owned(), of_url.into(), plain];
    secrets.extend(parameters.secrets);
    secrets.retain(|secret| !secret.is_empty());
    secrets.sort_unstable();
    secrets.dedup();
    Ok(PostgresUrl {
        text: with_bare_address(text, &url, parameters.host.is_some()),
        secrets,
        files: parameters.files,
        is_exposed: !is_here(&host)
            && match parameters.mode {
                None | Some(Mode::Opportunistic) => true,
                Some(Mode::Decided) => false,
            },
    })
}

/// Refuses what the parser would take for something else than was meant. Says the password as it was written.
fn unescaped(text: &str) -> Result<Option<&str>, String> {
    if text.contains(|character: char| character.is_whitespace() || character.is_control()) {
        return Err(
            "there is a blank or line break in it; percent-encode it, a blank as %20".into(),
        );
    }
    let is_encoded = |rest: &str| {
        let digits = rest.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    if !text.split('%').skip(1).all(is_encoded) {
        return Err("there is a % without two hexadecimal digits after it; percent-encode a % that is meant as %25".into());
    }
    let (_, rest) = text.split_once("://").unwrap_or_default();
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    if authority.matches('@').count() > 1 || tail.contains('@') {
        return Err("there is an @ in it that does not end the user and password; percent-encode what belongs to these: \
                    @ as %40, / as %2F, # as %23, ? as %3F"
            .into());
    }
    if tail.contains('#') {
        return Err("there is a # in it; percent-encode one that belongs to the password or to a value as %23".into());
    }
    let Some((user, host)) = authority.split_once('@') else {
        return Ok(None);
    };
    if host.is_empty() {
        return Err(format!(
            "the host is missing after the @; write its name there, or the folder of a socket percent-encoded, such as {}",
            SOCKET.replace('/', "%2F")
        ));
    }
    Ok(user.split_once(':').map(|(_, password)| password))
}

fn explained(error: ParseError) -> String {
    match error {
        ParseError::InvalidPort => "what stands after the host and a colon is no port; if it is a password, write user:password@ and the \
                                    host, and percent-encode / as %2F, # as %23 and ? as %3F in it"
            .into(),
        other => format!("not a URL ({other}); write postgres://user:password@host/database"),
    }
}

fn decoded(text: &str, what: &str) -> Result<String, String> {
    let decoded = percent_decode_str(text).decode_utf8();
    let decoded = decoded.map_err(|_| {
        format!("{what} is not UTF-8 text when it is decoded; percent-encode it anew, a % as %25")
    })?;
    Ok(decoded.into_owned())
}

fn check_host(host: &str) -> Result<(), String> {
    if host.is_empty() {
        Err(format!(
            "the host is missing; write postgres://user:password@host/database, or ?host={SOCKET} at the end for a socket in that folder"
        ))
    } else if host.contains(',') {
        Err("there is more than one host in it; write one".into())
    } else if !is_host(host) {
        Err(format!(
            "there is a character in the host that no host has; write user:password@ before the host, parameters after a ? \
             at the end, and a name with other letters in its xn-- form: {EXAMPLE}"
        ))
    } else {
        Ok(())
    }
}

/// Whether it can be a name, an address or the folder of a socket. What other clients write with `;` and `=` is none,
/// and a host is shown.
fn is_host(host: &str) -> bool {
    if host.starts_with('/') {
        return !host.contains([';', '=']);
    }
    let allowed =
        |character: char| character.is_ascii_alphanumeric() || ".-_:[]".contains(character);
    host.chars().all(allowed)
}

/// Without one the driver would take the name of the user of this process, which nobody has written anywhere.
fn check_user(user: &str) -> Result<(), String> {
    if user.is_empty() {
        return Err(format!(
            "the user is missing; write it before the host, {EXAMPLE}, or as ?user= at the end"
        ));
    }
    Ok(())
}

fn check_database(text: &str, url: &Url, parameter: Option<&str>) -> Result<(), String> {
    if !name_as_written(text).chars().all(is_of_a_name) {
        return Err(
            "there is a character in the name of the database that must be percent-encoded, a ; as %3B and a = as %3D; if \
             parameters begin there, write ? before the first and & between them, and the password as user:password@ before the host"
                .into(),
        );
    }
    let of_path = url.path().trim_start_matches('/');
    decoded(of_path, "the name of the database")?;
    if of_path.contains('/') {
        return Err(
            "there is a / in the name of the database; percent-encode it as %2F, or leave it out"
                .into(),
        );
    }
    if parameter.unwrap_or(of_path).is_empty() {
        return Err("the name of the database is missing; write it after the host: postgres://user:password@host/database".into());
    }
    Ok(())
}

/// What stands between the host and the parameters. The parser would already have encoded some of it.
fn name_as_written(text: &str) -> &str {
    let (_, rest) = text.split_once("://").unwrap_or_default();
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    rest.split_once('/').map_or("", |(_, name)| name)
}

/// Whether a character of the database's name is taken as it is. A slash is told of in its own words. The name is
/// shown, so a list of parameters in another client's way must not pass for one.
fn is_of_a_name(character: char) -> bool {
    character.is_alphanumeric() || "-._~$%/".contains(character)
}

/// The driver would look up an address in brackets as if it were a name, so it is given it once more without them.
fn with_bare_address(text: &str, url: &Url, is_overridden: bool) -> String {
    match url.host() {
        Some(Host::Ipv6(address)) if !is_overridden => {
            let sign = if url.query().is_some() { '&' } else { '?' };
            format!("{text}{sign}hostaddr={address}")
        }
        Some(_) | None => text.to_owned(),
    }
}

/// Whether a host is this machine.
fn is_here(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let is_loopback = bare
        .parse()
        .is_ok_and(|address: IpAddr| address.is_loopback());
    host.starts_with('/') || host.eq_ignore_ascii_case("localhost") || is_loopback
}

#[cfg(test)]
mod tests;

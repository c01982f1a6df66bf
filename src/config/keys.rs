//! The one table of everything that can be configured. The loader, the `config` command and the tests of the documents
//! all read it; no name of a variable is written down anywhere else in the program.

/// What a value looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    Flag,
    Number,
    /// A whole number and a unit: `ms`, `s`, `m`, `h` or `d`.
    Duration,
    /// So many in so long: `90/10s`.
    Rate,
    /// A rate, or `off`.
    Brake,
    /// An IP address and a port.
    Address,
    /// An IP address and a port, or `off`.
    AddressOrOff,
    Url,
    Path,
    /// A date (00:00 UTC) or an RFC 3339 time.
    Moment,
    /// An array in the file, text with commas in a variable.
    List,
    Choice(&'static [&'static str]),
}

impl Kind {
    /// In words, for messages and documents.
    #[must_use]
    pub fn words(self) -> String {
        let words = match self {
            Self::Text => "text",
            Self::Flag => "true or false",
            Self::Number => "a whole number",
            Self::Duration => "a duration in quotes, such as \"30s\"",
            Self::Rate => "a rate in quotes, such as \"90/10s\"",
            Self::Brake => "a rate in quotes, such as \"200/10m\", or \"off\"",
            Self::Address => "an address and port in quotes, such as \"0.0.0.0:8080\"",
            Self::AddressOrOff => {
                "an address and port in quotes, such as \"127.0.0.1:8081\", or \"off\""
            }
            Self::Url => "a URL in quotes",
            Self::Path => "a path in quotes",
            Self::Moment => "a date or an RFC 3339 time",
            Self::List => "an array of texts, or one text with commas",
            Self::Choice(choices) => return format!("one of {}", choices.join(", ")),
        };
        words.to_owned()
    }
}

/// How much of a value may be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrecy {
    Open,
    /// May carry a password: shown without it, and never repeated in a message.
    Guarded,
    /// Never shown.
    Secret,
}

/// One thing that can be configured.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// The name in the configuration file: the variable without `BOARDROOM_`, in lower case.
    pub name: &'static str,
    /// The name in the environment.
    pub variable: &'static str,
    pub kind: Kind,
    pub secrecy: Secrecy,
    /// Whether the configuration file may set it; the others belong to the environment alone.
    pub in_file: bool,
    /// Whether `…_FILE` may name a file that holds the value.
    pub by_file: bool,
}

impl Key {
    const fn new(variable: &'static str, name: &'static str, kind: Kind) -> Self {
        Self {
            name,
            variable,
            kind,
            secrecy: Secrecy::Open,
            in_file: true,
            by_file: false,
        }
    }

    const fn guarded(mut self) -> Self {
        self.secrecy = Secrecy::Guarded;
        self
    }

    const fn secret(mut self) -> Self {
        self.secrecy = Secrecy::Secret;
        self
    }

    const fn by_file(mut self) -> Self {
        self.by_file = true;
        self
    }

    const fn environment_only(mut self) -> Self {
        self.in_file = false;
        self
    }

    /// `trello_token_file`, the key of the file that names the file with the value.
    #[must_use]
    pub fn name_by_file(&self) -> Option<String> {
        self.by_file.then(|| format!("{}_file", self.name))
    }

    /// `TRELLO_TOKEN_FILE`, the variable that names the file with the value.
    #[must_use]
    pub fn variable_by_file(&self) -> Option<String> {
        self.by_file.then(|| format!("{}_FILE", self.variable))
    }

    /// The names under which the environment may give the value itself, the one that wins first.
    /// Proxies are customarily spelled in either case.
    #[must_use]
    pub fn spellings(&self) -> Vec<&'static str> {
        let proxy = !self.in_file && !self.variable.starts_with("BOARDROOM_");
        if proxy {
            vec![self.variable, self.name]
        } else {
            vec![self.variable]
        }
    }

    /// Every environment variable that has to do with this key, `…_FILE` included.
    #[must_use]
    pub fn variables(&self) -> Vec<String> {
        let spellings = self.spellings().into_iter().map(str::to_owned);
        spellings.chain(self.variable_by_file()).collect()
    }

    /// Every name that the configuration file may use for this key.
    #[must_use]
    pub fn file_names(&self) -> Vec<String> {
        let plain = self.in_file.then(|| self.name.to_owned());
        plain.into_iter().chain(self.name_by_file()).collect()
    }
}

/// Everything that can be configured, in the order in which it is documented.
#[must_use]
pub fn keys() -> &'static [Key] {
    &KEYS
}

/// The key of that name in the configuration file.
///
/// # Panics
/// When the table has no such key: the names in the program are literals, so the first load would show it.
pub(super) fn key(name: &str) -> &'static Key {
    KEYS.iter()
        .find(|key| key.name == name)
        .expect("the name is one of the table")
}

const ROOM_TYPES: &[&str] = &[
    "filling-forms",
    "collaboration",
    "custom",
    "public",
    "virtual-data",
];

#[rustfmt::skip] // one line per key reads as the table that it is
const KEYS: [Key; 49] = [
    Key::new("TRELLO_API_KEY", "trello_api_key", Kind::Text).secret().by_file(),
    Key::new("TRELLO_TOKEN", "trello_token", Kind::Text).secret().by_file(),
    Key::new("TRELLO_API_SECRET", "trello_api_secret", Kind::List).secret().by_file(),
    Key::new("ONLYOFFICE_API_HOST", "onlyoffice_api_host", Kind::Url).guarded(),
    Key::new("ONLYOFFICE_API_KEY", "onlyoffice_api_key", Kind::Text).secret().by_file(),

    Key::new("BOARDROOM_CONFIG", "config", Kind::Path).environment_only(),
    Key::new("BOARDROOM_LISTEN", "listen", Kind::Address),
    Key::new("BOARDROOM_PUBLIC_URL", "public_url", Kind::Url).guarded(),
    Key::new("BOARDROOM_CALLBACK_URLS", "callback_urls", Kind::List).guarded(),
    Key::new("BOARDROOM_TRELLO_SOURCES", "trello_sources", Kind::List),
    Key::new("BOARDROOM_TRUSTED_PROXIES", "trusted_proxies", Kind::List),
    Key::new("BOARDROOM_DATABASE_URL", "database_url", Kind::Url).guarded().by_file(),
    Key::new("BOARDROOM_INSTANCE", "instance", Kind::Text),

    Key::new("BOARDROOM_ADMIN_LISTEN", "admin_listen", Kind::AddressOrOff),
    Key::new("BOARDROOM_ADMIN_TOKEN", "admin_token", Kind::Text).secret().by_file(),

    Key::new("BOARDROOM_WORKSPACES", "workspaces", Kind::List),
    Key::new("BOARDROOM_PERSONAL_BOARDS", "personal_boards", Kind::Flag),
    Key::new("BOARDROOM_EXISTING_BOARDS", "existing_boards", Kind::Choice(&["ignore", "mirror"])),
    Key::new("BOARDROOM_SINCE", "since", Kind::Moment),
    Key::new("BOARDROOM_SWEEP_EVERY", "sweep_every", Kind::Duration),
    Key::new("BOARDROOM_AUDIT_EVERY", "audit_every", Kind::Duration),

    Key::new("BOARDROOM_FOLLOW", "follow", Kind::Choice(&["live", "sweep"])),
    Key::new("BOARDROOM_ARCHIVE_AFTER", "archive_after", Kind::Duration),
    Key::new("BOARDROOM_ON_BOARD_DELETED", "on_board_deleted", Kind::Choice(&["archive", "keep"])),
    Key::new("BOARDROOM_DELETED_AFTER", "deleted_after", Kind::Duration),
    Key::new("BOARDROOM_ON_DRIFT", "on_drift", Kind::Choice(&["respect", "restore"])),
    Key::new("BOARDROOM_BRAKE", "brake", Kind::Brake),

    Key::new("BOARDROOM_ROOM_TYPE", "room_type", Kind::Choice(ROOM_TYPES)),
    Key::new("BOARDROOM_ROOM_TITLE", "room_title", Kind::Text),
    Key::new("BOARDROOM_ROOM_TAGS", "room_tags", Kind::List),
    Key::new("BOARDROOM_ROOM_PRIVATE", "room_private", Kind::Flag),
    Key::new("BOARDROOM_ROOM_MEMBERS", "room_members", Kind::List).secret(),

    Key::new("BOARDROOM_TRELLO_API_URL", "trello_api_url", Kind::Url).guarded(),
    Key::new("BOARDROOM_TRELLO_TIMEOUT", "trello_timeout", Kind::Duration),
    Key::new("BOARDROOM_TRELLO_RATE", "trello_rate", Kind::Rate),
    Key::new("BOARDROOM_DOCSPACE_TIMEOUT", "docspace_timeout", Kind::Duration),
    Key::new("BOARDROOM_DOCSPACE_WRITES", "docspace_writes", Kind::Number),
    Key::new("BOARDROOM_DOCSPACE_CA_FILE", "docspace_ca_file", Kind::Path),
    Key::new("HTTPS_PROXY", "https_proxy", Kind::Url).guarded().environment_only(),
    Key::new("HTTP_PROXY", "http_proxy", Kind::Url).guarded().environment_only(),
    Key::new("NO_PROXY", "no_proxy", Kind::Text).environment_only(),

    Key::new("BOARDROOM_NOTIFY_URL", "notify_url", Kind::Url).secret().by_file(),
    Key::new("BOARDROOM_NOTIFY_SECRET", "notify_secret", Kind::Text).secret().by_file(),
    Key::new("BOARDROOM_HEARTBEAT_URL", "heartbeat_url", Kind::Url).secret().by_file(),

    Key::new("BOARDROOM_LOG", "log", Kind::Text),
    Key::new("BOARDROOM_LOG_FORMAT", "log_format", Kind::Choice(&["auto", "text", "json"])),
    Key::new("BOARDROOM_CAPTURE", "capture", Kind::Flag),
    Key::new("BOARDROOM_DRAIN", "drain", Kind::Duration),
    Key::new("BOARDROOM_GRACE", "grace", Kind::Duration),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::model::room::RoomType;

    #[test]
    fn a_file_key_is_the_variable_without_our_prefix_in_lower_case() {
        for key in keys() {
            let variable = key
                .variable
                .strip_prefix("BOARDROOM_")
                .unwrap_or(key.variable);
            assert_eq!(key.name, variable.to_lowercase());
        }
    }

    #[test]
    fn no_name_is_used_twice() {
        let names: Vec<_> = keys().iter().flat_map(Key::file_names).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        let variables: Vec<_> = keys().iter().flat_map(Key::variables).collect();
        assert_eq!(
            variables.iter().collect::<BTreeSet<_>>().len(),
            variables.len()
        );
    }

    #[test]
    fn the_types_of_room_are_those_of_the_model() {
        assert_eq!(ROOM_TYPES, RoomType::ALL.map(RoomType::name));
    }
}

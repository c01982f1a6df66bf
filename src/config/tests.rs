//! The configuration as a whole: layers, needs, secrets and messages. `documents` holds the files against the table.

mod documents;

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::ExposeSecret as _;
use tempfile::TempDir;

use super::*;
use crate::model::room::{Access, RoomType};

const CREDENTIALS: [(&str, &str); 4] = [
    ("TRELLO_API_KEY", "hidden-key"),
    ("TRELLO_TOKEN", "hidden-token"),
    ("ONLYOFFICE_API_HOST", "docspace.example.com"),
    ("ONLYOFFICE_API_KEY", "sk-hidden"),
];

/// A folder with files of a configuration.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }
}

fn environment(pairs: &[(&str, &str)]) -> Environment {
    pairs.iter().copied().collect()
}

fn load(needs: Needs, pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::load(needs, None, &environment(pairs))
}

/// The keys that a configuration is refused for, with the whole text.
fn refused(result: Result<Config, ConfigError>) -> (Vec<String>, String) {
    let error = result.unwrap_err();
    (
        error
            .problems()
            .iter()
            .map(|problem| problem.key.clone())
            .collect(),
        error.to_string(),
    )
}

fn exposed(secret: Option<&SecretString>) -> Option<&str> {
    secret.map(SecretString::expose_secret)
}

#[test]
fn the_vendors_four_credentials_are_enough_to_serve() {
    let config = load(Needs::Serve, &CREDENTIALS).unwrap();
    assert_eq!(exposed(config.trello.key.as_ref()), Some("hidden-key"));
    assert_eq!(exposed(config.trello.token.as_ref()), Some("hidden-token"));
    assert_eq!(exposed(config.docspace.key.as_ref()), Some("sk-hidden"));
    assert_eq!(
        config.docspace.host.unwrap().as_str(),
        "https://docspace.example.com/"
    );
    assert!(
        config.callback.is_none()
            && config.accepted_callbacks.is_empty()
            && config.trello.secrets.is_empty()
    );
}

#[test]
fn what_is_missing_is_told_all_at_once_with_where_to_get_it() {
    let (keys, text) = refused(load(
        Needs::Serve,
        &[("BOARDROOM_PUBLIC_URL", "https://b.example.com")],
    ));
    assert_eq!(
        keys,
        [
            "trello_api_key",
            "trello_token",
            "trello_api_secret",
            "onlyoffice_api_host",
            "onlyoffice_api_key"
        ]
    );
    for help in [
        "trello_api_key (not set): set TRELLO_API_KEY or TRELLO_API_KEY_FILE: ",
        "https://trello.com/power-ups/admin",
        "https://trello.com/1/authorize?",
        "onlyoffice_api_host (not set): set ONLYOFFICE_API_HOST: ",
        "Settings → Developer tools → API keys",
    ] {
        assert!(text.contains(help), "{text}");
    }
}

#[test]
fn a_command_is_asked_only_for_what_it_needs() {
    let missing = [
        ("TRELLO_TOKEN_FILE", "/nonexistent/token"),
        ("https_proxy", "socks5://proxy"),
    ];
    let config = load(Needs::Nothing, &missing).unwrap();
    assert!(config.trello.token.is_none() && config.proxy.https.is_none());

    assert_eq!(
        refused(load(Needs::Signatures, &missing)).0,
        ["public_url", "trello_api_secret", "https_proxy"]
    );
    let enough = [
        ("TRELLO_API_SECRET", "old, new,"),
        ("BOARDROOM_CALLBACK_URLS", "https://old.example.com/cb"),
        ("TRELLO_TOKEN_FILE", "/nonexistent/token"),
        ("TRELLO_API_KEY", "key"),
    ];
    let config = load(Needs::Signatures, &enough).unwrap();
    assert!(config.trello.key.is_some() && config.trello.token.is_none());
    let secrets: Vec<_> = config
        .trello
        .secrets
        .iter()
        .map(SecretString::expose_secret)
        .collect();
    assert_eq!(secrets, ["old", "new"]);

    let (keys, _) = refused(load(Needs::Services, &missing));
    assert_eq!(
        keys,
        [
            "trello_api_key",
            "trello_token",
            "onlyoffice_api_host",
            "onlyoffice_api_key",
            "https_proxy"
        ]
    );
    let other = [
        &CREDENTIALS[..],
        &[("BOARDROOM_CALLBACK_URLS", "https://old.example.com/cb")],
    ]
    .concat();
    assert_eq!(refused(load(Needs::Serve, &other)).0, ["trello_api_secret"]);
}

#[test]
fn what_was_meant_to_be_set_is_not_called_missing() {
    let files = Files::new();
    let broken = files.write("broken.toml", "trello_token = hidden");
    let typed = files.write("typed.toml", "trello_token = 1234");
    let others = [&CREDENTIALS[..1], &CREDENTIALS[2..]].concat();
    let load = |file, pairs| Config::load(Needs::Serve, Some(file), &environment(pairs));
    assert_eq!(refused(load(&broken, &[])).0, ["config"]);
    assert_eq!(refused(load(&typed, &others)).0, ["trello_token"]);
}

#[test]
fn every_wrong_value_is_told_at_once() {
    let files = Files::new();
    let file = files.write(
        "b.toml",
        "sweep_evry = \"5m\"\naudit_every = \"soon\"\ndocspace_writes = 0\nlog = 1",
    );
    let pairs = environment(&[
        ("BOARDROOM_LISTEN", ":8080"),
        ("BOARDROOM_PUBLIC_URL", "b.example.com"),
        ("BOARDROOM_CALLBACK_URLS", "nowhere"),
        (
            "BOARDROOM_DATABASE_URL",
            "postgres://ann:hidden@db/b?hidden=1",
        ),
        ("BOARDROOM_INSTANCE", "a b"),
        ("BOARDROOM_PERSONAL_BOARDS", "perhaps"),
        ("BOARDROOM_EXISTING_BOARDS", "delete"),
        ("BOARDROOM_SINCE", "yesterday"),
        ("BOARDROOM_SWEEP_EVERY", "999ms"),
        ("BOARDROOM_ROOM_TYPE", "3"),
        ("BOARDROOM_ROOM_TITLE", "{bord}"),
        ("BOARDROOM_ROOM_TAGS", "🎉"),
        ("BOARDROOM_ROOM_PRIVATE", "2"),
        ("BOARDROOM_ROOM_MEMBERS", "hidden@example.com"),
        ("BOARDROOM_TRELLO_API_URL", "api.trello.com"),
        ("BOARDROOM_TRELLO_TIMEOUT", "0s"),
        ("BOARDROOM_TRELLO_RATE", "0/10s"),
        ("BOARDROOM_DOCSPACE_TIMEOUT", "61s"),
        ("BOARDROOM_LOG_FORMAT", "xml"),
        ("BOARDROOM_DRAIN", "1"),
        ("BOARDROOM_GRACE", "500ms"),
        (
            "ONLYOFFICE_API_HOST",
            "https://ann:hidden@docspace.example.com",
        ),
    ]);
    let (keys, text) = refused(Config::load(Needs::Nothing, Some(&file), &pairs));
    // 22 variables and the 4 keys of the file
    assert_eq!(keys.len(), 26, "{text}");
    assert!(!text.contains("hidden"), "{text}");
    let path = file.display();
    for line in [
        format!("- sweep_evry (file {path}): there is no such key; did you mean sweep_every?"),
        format!("- audit_every = \"soon\" (file {path}): not a duration; write a whole number and ms"),
        "- sweep_every = \"999ms\" (environment variable BOARDROOM_SWEEP_EVERY): too short; write at least 1s".into(),
        "- docspace_timeout = \"61s\" (environment variable BOARDROOM_DOCSPACE_TIMEOUT): too long; write at most 60s".into(),
    ] {
        assert!(text.contains(&line), "{line}\n{text}");
    }
}

#[test]
fn the_environment_goes_before_the_file_and_the_file_before_the_defaults() {
    let files = Files::new();
    let file = files.write(
        "b.toml",
        "sweep_every = \"1m\"\naudit_every = \"1h\"\ninstance = \"\"\nroom_type = 6\nroom_tags = [\"a, b\"]",
    );
    let pairs = [
        ("BOARDROOM_SWEEP_EVERY", "2m"),
        ("BOARDROOM_AUDIT_EVERY", " "),
        ("BOARDROOM_PORT", "tcp://10.0.0.1:80"),
    ];
    let config = Config::load(Needs::Nothing, Some(&file), &environment(&pairs)).unwrap();
    assert_eq!(config.sweep_every, Duration::from_mins(2));
    assert_eq!(config.audit_every, Duration::from_hours(1));
    assert_eq!(config.instance, "boardroom");
    assert_eq!(config.room.kind, RoomType::Public);
    assert_eq!(config.room.tags, ["a, b"]);
}

#[test]
fn the_option_goes_before_the_variable_that_names_the_file() {
    let files = Files::new();
    let (one, other) = (
        files.write("one.toml", "instance = \"one\""),
        files.write("other.toml", "instance = \"other\""),
    );
    let variable = environment(&[("BOARDROOM_CONFIG", other.to_str().unwrap())]);
    let instance = |file| {
        Config::load(Needs::Nothing, file, &variable)
            .unwrap()
            .instance
    };
    assert_eq!(instance(Some(&one)), "one");
    assert_eq!(instance(None), "other");

    let missing = load(
        Needs::Nothing,
        &[("BOARDROOM_CONFIG", "/nonexistent/b.toml")],
    );
    let (_, text) = refused(missing);
    assert!(text.contains("config (environment variable BOARDROOM_CONFIG): /nonexistent/b.toml: there is no such file"), "{text}");
}

#[test]
fn a_secret_of_one_layer_replaces_that_of_a_lower_one_and_two_in_one_layer_are_an_error() {
    let files = Files::new();
    let secret = files.write("token", "from-file\n");
    let secret = secret.to_str().unwrap();
    let by_file = files.write("by_file.toml", &format!("trello_token_file = \"{secret}\""));
    let plain = files.write("plain.toml", "trello_token = \"from-toml\"");
    let both = files.write(
        "both.toml",
        &format!("trello_token = \"from-toml\"\ntrello_token_file = \"{secret}\""),
    );
    let with = |file: &Path, name, value| {
        let pairs = [&CREDENTIALS[..1], &CREDENTIALS[2..], &[(name, value)]].concat();
        Config::load(Needs::Services, Some(file), &environment(&pairs))
    };
    let token = |config: Config| config.trello.token.unwrap().expose_secret().to_owned();

    assert_eq!(
        token(with(&by_file, "TRELLO_TOKEN", "").unwrap()),
        "from-file"
    );
    assert_eq!(
        token(with(&by_file, "TRELLO_TOKEN", "from-variable").unwrap()),
        "from-variable"
    );
    assert_eq!(
        token(with(&plain, "TRELLO_TOKEN_FILE", secret).unwrap()),
        "from-file"
    );
    let (keys, text) = refused(with(&both, "TRELLO_TOKEN", "from-variable"));
    assert!(
        keys == ["trello_token"]
            && text.contains("trello_token and trello_token_file are both set"),
        "{text}"
    );

    let pairs = [&CREDENTIALS[..], &[("TRELLO_TOKEN_FILE", secret)]].concat();
    let (keys, text) = refused(load(Needs::Services, &pairs));
    assert!(
        keys == ["trello_token"]
            && text.contains("TRELLO_TOKEN and TRELLO_TOKEN_FILE are both set"),
        "{text}"
    );
}

#[test]
fn a_secret_file_that_is_of_no_use_is_named() {
    let files = Files::new();
    let (empty, blank) = (
        files.write("empty", "\n"),
        files.write("blank", "hidden value\n"),
    );
    let pairs = [
        ("TRELLO_API_KEY_FILE", "/nonexistent/key"),
        ("TRELLO_TOKEN_FILE", empty.to_str().unwrap()),
        ("ONLYOFFICE_API_KEY_FILE", blank.to_str().unwrap()),
        ("ONLYOFFICE_API_HOST", "docspace.example.com"),
    ];
    let (keys, text) = refused(load(Needs::Services, &pairs));
    assert_eq!(
        keys,
        ["trello_api_key", "trello_token", "onlyoffice_api_key"]
    );
    assert!(!text.contains("hidden"), "{text}");
    assert!(text.contains("trello_api_key (secret file /nonexistent/key): there is no such file (as seen by user id "), "{text}");
    assert!(
        text.contains("(named by environment TRELLO_API_KEY_FILE)")
            && text.contains("the file is empty"),
        "{text}"
    );
}

#[test]
fn the_database_url_may_be_a_secret_file() {
    let files = Files::new();
    let path = files.write("url", "sqlite:///data/b.db\r\n");
    let config = load(
        Needs::Nothing,
        &[("BOARDROOM_DATABASE_URL_FILE", path.to_str().unwrap())],
    )
    .unwrap();
    assert_eq!(
        config.database,
        Database::Sqlite {
            path: "/data/b.db".into()
        }
    );

    let path = files.write("url", "postgres://ann:hidden-password@db/b\n");
    let named = ("BOARDROOM_DATABASE_URL_FILE", path.to_str().unwrap());
    let config = load(Needs::Nothing, &[named]).unwrap();
    let Database::Postgres { url } = &config.database else {
        panic!("{:?}", config.database);
    };
    assert_eq!(url.expose(), "postgres://ann:hidden-password@db/b");
    let shown = effective(None, &environment(&[named]));
    assert!(!format!("{shown:?} {config:?}").contains("hidden-"));

    let both = [named, ("BOARDROOM_DATABASE_URL", "postgres://db/b")];
    let (keys, text) = refused(load(Needs::Nothing, &both));
    assert!(
        keys == ["database_url"] && text.contains("BOARDROOM_DATABASE_URL_FILE are both set"),
        "{text}"
    );
    files.write("url", "postgres://ann:hidden/password@db/b\n");
    let (keys, text) = refused(load(Needs::Nothing, &[named]));
    assert!(
        keys == ["database_url"] && text.contains("/ as %2F") && !text.contains("hidden"),
        "{text}"
    );
}

#[test]
fn certificates_of_the_database_are_checked_at_the_start() {
    let variable = "BOARDROOM_DATABASE_URL";
    let url = "postgres://ann@db/b?sslmode=verify-full&sslrootcert=/nonexistent/hidden.pem";
    let (keys, text) = refused(load(Needs::Nothing, &[(variable, url)]));
    assert!(
        keys == ["database_url"] && text.contains("sslrootcert: there is no such file"),
        "{text}"
    );
    assert!(!text.contains("hidden"), "{text}");

    let url = "postgres://ann@db/b?sslmode=verify-full&sslrootcert=system";
    let (keys, text) = refused(load(Needs::Nothing, &[(variable, url)]));
    assert!(
        keys == ["database_url"]
            && text.contains("without it the certificates that the system trusts"),
        "{text}"
    );
}

#[test]
fn nothing_shows_a_secret_or_an_address_of_a_person() {
    let files = Files::new();
    let secret = files.write("secret", "hidden-one,hidden-two\n");
    let more = [
        ("TRELLO_API_SECRET_FILE", secret.to_str().unwrap()),
        ("HTTPS_PROXY", "http://ann:hidden@proxy.example.com:3128"),
        ("http_proxy", "proxy.example.com:3128"),
        (
            "BOARDROOM_DATABASE_URL",
            "postgres://hidden:hidden-database@db/b?password=hidden",
        ),
        ("BOARDROOM_ROOM_MEMBERS", "hidden@example.com:manager"),
        (
            "BOARDROOM_NOTIFY_URL",
            "https://hooks.example.com/hidden-hook",
        ),
        ("BOARDROOM_NOTIFY_SECRET", "hidden-signing"),
        (
            "BOARDROOM_HEARTBEAT_URL",
            "https://ping.example.com/hidden-heart",
        ),
        (
            "BOARDROOM_CALLBACK_URLS",
            "https://old.example.com/?key=hidden",
        ),
    ];
    let config = load(Needs::Serve, &[&CREDENTIALS[..], &more].concat()).unwrap();
    assert_eq!(config.trello.secrets.len(), 2);
    assert_eq!(
        config.proxy.https.as_ref().unwrap().expose().password(),
        Some("hidden")
    );
    assert_eq!(config.room.members[0].access, Access::Manager);
    let shown = format!("{config:?} {config:#?}");
    assert!(
        !shown.contains("hidden-") && !shown.contains("hidden@") && !shown.contains(":hidden"),
        "{shown}"
    );
    assert!(
        !shown.contains("=hidden") && !shown.contains("sk-hidden"),
        "{shown}"
    );
}

#[test]
fn no_message_repeats_a_secret_however_it_is_wrong() {
    for variable in keys()
        .iter()
        .filter(|key| key.secrecy != Secrecy::Open)
        .flat_map(Key::spellings)
    {
        for wrong in [
            "hidden value",
            "\"hidden\"",
            "hidden\u{7}",
            "ftp://hidden@hidden",
            "https://hidden@h/?hidden#",
            "postgres://ann:hidden@db",
            "postgres://ann:hid/hidden@db/b",
            "postgres://db.example.com/b;password=hidden",
            "host=127.0.0.1 password=hidden",
            "hidden:hidden:hidden/b",
        ] {
            let result = load(Needs::Serve, &[(variable, wrong)]);
            let error = result.unwrap_err();
            assert!(
                !format!("{error} {error:?}").contains("hidden"),
                "{variable}: {error}"
            );
        }
    }
}

#[test]
fn a_variable_that_is_not_text_is_named() {
    let bytes = OsString::from_vec(b"hidden\xff".to_vec());
    for variable in [
        "BOARDROOM_LISTEN",
        "BOARDROOM_CONFIG",
        "BOARDROOM_DATABASE_URL_FILE",
        "TRELLO_TOKEN",
    ] {
        let pairs = CREDENTIALS
            .iter()
            .map(|(name, value)| ((*name).to_owned(), OsString::from(*value)));
        let environment = pairs
            .chain([(variable.to_owned(), bytes.clone())])
            .collect();
        let (keys, text) = refused(Config::load(Needs::Services, None, &environment));
        assert_eq!(keys.len(), 1, "{text}");
        assert!(
            text.contains(&format!(
                "(environment variable {variable}): the value is not UTF-8"
            )),
            "{text}"
        );
    }
}

#[test]
fn our_own_callback_is_the_first_that_is_accepted() {
    let pairs = [
        ("BOARDROOM_PUBLIC_URL", "https://b.example.com/x/"),
        (
            "BOARDROOM_CALLBACK_URLS",
            "https://old.example.com/cb,https://b.example.com/x/webhooks/trello",
        ),
    ];
    let config = load(Needs::Nothing, &pairs).unwrap();
    assert_eq!(
        config.public_url.as_deref(),
        Some("https://b.example.com/x")
    );
    let accepted: Vec<_> = config
        .accepted_callbacks
        .iter()
        .map(CallbackUrl::as_str)
        .collect();
    assert_eq!(
        accepted,
        [
            "https://b.example.com/x/webhooks/trello",
            "https://old.example.com/cb"
        ]
    );
    assert_eq!(config.callback.as_ref(), config.accepted_callbacks.first());
}

#[test]
fn values_that_do_not_go_together_are_refused() {
    let (keys, text) = refused(load(Needs::Nothing, &[("BOARDROOM_DRAIN", "30s")]));
    assert!(
        keys == ["drain"] && text.contains("shorter than grace"),
        "{text}"
    );
    assert!(
        load(
            Needs::Nothing,
            &[("BOARDROOM_DRAIN", "30s"), ("BOARDROOM_GRACE", "1m")]
        )
        .is_ok()
    );
    let public = [
        ("BOARDROOM_ROOM_TYPE", "public"),
        ("BOARDROOM_ROOM_MEMBERS", "ann@example.com:viewer"),
    ];
    let (keys, text) = refused(load(Needs::Nothing, &public));
    assert!(keys == ["room_members"] && !text.contains("ann@"), "{text}");
}

#[test]
fn certificates_are_checked_at_the_start() {
    let files = Files::new();
    let no_certificate = files.write("key.pem", "-----BEGIN PRIVATE KEY-----");
    let certificate = files.write("ca.pem", "-----BEGIN CERTIFICATE-----\n");
    let with = |path: &Path| {
        load(
            Needs::Services,
            &[
                &CREDENTIALS[..],
                &[("BOARDROOM_DOCSPACE_CA_FILE", path.to_str().unwrap())],
            ]
            .concat(),
        )
    };
    assert_eq!(
        with(&certificate).unwrap().docspace.ca_file,
        Some(certificate.clone())
    );
    assert!(
        refused(with(&no_certificate))
            .1
            .contains("no PEM certificate")
    );
    assert!(
        refused(with(Path::new("/nonexistent/ca.pem")))
            .1
            .contains("there is no such file")
    );
}

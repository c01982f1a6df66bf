//! URLs of PostgreSQL: what is accepted is read by the driver as it was meant, and what is refused is told without its text.

use std::str::FromStr as _;

use rstest::rstest;
use secrecy::ExposeSecret as _;
use sqlx::postgres::PgConnectOptions;

use super::*;

/// As the driver reads what it is given: host or folder, port, user, database.
fn read_by_the_driver(url: &PostgresUrl) -> String {
    let options = PgConnectOptions::from_str(url.expose()).unwrap();
    let host = options.get_socket().map_or_else(
        || options.get_host().to_owned(),
        |socket| socket.display().to_string(),
    );
    format!(
        "{} {} {} {}",
        host,
        options.get_port(),
        options.get_username(),
        options.get_database().unwrap_or_default()
    )
}

#[rstest]
#[case("postgres://ann:pw@db:5433/rooms", "db 5433 ann rooms")]
#[case(
    "postgresql://ann@db.example.com/rooms",
    "db.example.com 5432 ann rooms"
)]
#[case("postgres://a%40b:p%2Fw@db/r%2Fs", "db 5432 a@b r/s")]
#[case("postgres://ann@db/r%3Bs%3Dt%20u", "db 5432 ann r;s=t u")]
#[case("postgres://ann@db/b\u{fc}ro_1-a.b$~", "db 5432 ann b\u{fc}ro_1-a.b$~")]
#[case("postgres://ann@my_db/rooms", "my_db 5432 ann rooms")]
#[case("postgres://ann@10.0.0.7/rooms", "10.0.0.7 5432 ann rooms")]
#[case("postgres://ann@[::1]/rooms", "::1 5432 ann rooms")]
#[case(
    "postgres://ann@[fd00::7]:5433/rooms?sslmode=require",
    "fd00::7 5433 ann rooms"
)]
#[case("postgres://ann@[::1]/rooms?host=db", "db 5432 ann rooms")]
#[case(
    "postgres://ann@%2Frun%2Fpostgresql/rooms",
    "/run/postgresql 5432 ann rooms"
)]
#[case(
    "postgres:///rooms?host=/run/postgresql&user=ann",
    "/run/postgresql 5432 ann rooms"
)]
#[case(
    "postgres://ann@db/?dbname=rooms&port=5433&hostaddr=10.0.0.7",
    "10.0.0.7 5433 ann rooms"
)]
#[case(
    "postgres://ann@db/rooms?sslmode=VERIFY-FULL&application_name=b&options=-c%20a%3Db&options[c]=d&statement-cache-capacity=10",
    "db 5432 ann rooms"
)]
fn what_is_accepted_is_read_by_the_driver_as_it_was_meant(
    #[case] text: &str,
    #[case] expected: &str,
) {
    assert_eq!(read_by_the_driver(&parse(text).unwrap()), expected);
}

#[test]
fn every_parameter_that_is_known_here_is_known_to_the_driver() {
    for spelling in ["ssl-mode", "ssl-root-cert", "ssl-ca", "ssl-cert", "ssl-key"] {
        let value = if spelling == "ssl-mode" {
            "disable"
        } else {
            "/x"
        };
        let both = match spelling {
            "ssl-cert" => "&sslkey=/y",
            "ssl-key" => "&sslcert=/y",
            _ => "",
        };
        let url = parse(&format!("postgres://ann@db/rooms?{spelling}={value}{both}")).unwrap();
        let before = PgConnectOptions::from_str("postgres://ann@db/rooms").unwrap();
        let after = PgConnectOptions::from_str(url.expose()).unwrap();
        assert_ne!(format!("{before:?}"), format!("{after:?}"), "{spelling}");
    }
}

#[rstest]
// parameters
#[case(
    "postgres://db/rooms?sslmod=require",
    "number 1 is unknown; did you mean sslmode?"
)]
#[case(
    "postgres://db/rooms?sslmode=require&aplication_name=x",
    "number 2 is unknown; did you mean application_name?"
)]
#[case("postgres://db/rooms?SSLMODE=require", "did you mean sslmode?")]
#[case(
    "postgres://db/rooms?channel_binding=require",
    "channel_binding is not supported; remove it"
)]
#[case(
    "postgres://db/rooms?password=hidden&hidden",
    "number 2 is unknown; remove it, or percent-encode an & "
)]
#[case("postgres://db/rooms?options[=x", "is unknown")]
#[case("postgres://db/rooms?options[]=x", "is unknown")]
#[case(
    "postgres://db/rooms?sslmode=hidden",
    "sslmode is wrong; write disable, allow, prefer, require, verify-ca or verify-full"
)]
#[case("postgres://db/rooms?sslmode=", "sslmode is wrong")]
#[case(
    "postgres://db/rooms?sslmode=require&ssl-mode=disable",
    "ssl-mode is there twice"
)]
#[case("postgres://db/rooms?port=0", "port is wrong")]
#[case(
    "postgres://db/rooms?hostaddr=hidden",
    "hostaddr is wrong; write an IP address"
)]
#[case("postgres://db/rooms?host=a&hostaddr=10.0.0.7", "remove one of them")]
#[case("postgres://db/rooms?statement-cache-capacity=hidden", "whole number")]
#[case("postgres://db/rooms?sslcert=/hidden", "belong together")]
// host and database
#[case("postgres://", "host is missing")]
#[case(
    "postgres:///rooms",
    "host is missing; write postgres://user:password@host/database, or ?host=/run/postgresql"
)]
#[case("postgres:///rooms?host=", "host is missing")]
#[case("postgres://ann:hidden@/rooms", "host is missing after the @")]
#[case(
    "postgres://ann:hidden@/rooms?host=/run/postgresql",
    "such as %2Frun%2Fpostgresql"
)]
#[case("postgres://ann:hidden@hidden1,hidden2/rooms", "more than one host")]
#[case("postgres://ann:hidden@db:99999/rooms", "no port")]
#[case("postgres://ann:hidden/rooms", "no port; if it is a password")]
#[case("postgres://ann:hidden@db", "name of the database is missing")]
#[case("postgres://ann:hidden@db/", "name of the database is missing")]
#[case(
    "postgres://ann:hidden@db/?sslmode=require",
    "name of the database is missing"
)]
#[case(
    "postgres://ann:hidden@db/rooms?dbname=",
    "name of the database is missing"
)]
#[case("postgres://ann:hidden@db/rooms/", "a / in the name of the database")]
#[case("postgres://ann@db/rooms;password=hidden", "a ; as %3B")]
#[case("postgres://ann@db/rooms=hidden", "a = as %3D")]
#[case("postgres://ann@db/rooms:hidden", "must be percent-encoded")]
#[case("postgres://ann@db/rooms,hidden", "must be percent-encoded")]
#[case("postgres://ann@db/rooms&password=hidden", "write ? before the first")]
#[case("postgres://ann@db/\"hidden\"", "must be percent-encoded")]
#[case("postgres://ann@db/rooms hidden", "a blank as %20")]
#[case("postgres://db.example.invalid/rooms;password=hidden", "a ; as %3B")]
#[case("postgres://ann@db;password=hidden/rooms", "no host has")]
#[case("postgres://ann@db%3Bhidden/rooms", "no host has")]
#[case("postgres://ann@%2Frun;password=hidden/rooms", "no host has")]
#[case("postgres://ann@hidd\u{e9}n/rooms", "xn-- form")]
#[case("postgres://ann:hidden", "no port; if it is a password")]
#[case("postgres://ann:hidden:db/rooms", "no port; if it is a password")]
// user
#[case("postgres://db/rooms", "the user is missing; write it before the host")]
#[case("postgres://:hidden@db/rooms", "the user is missing")]
#[case("postgres://hidden:12345/rooms", "the user is missing")]
#[case("postgres:///rooms?host=/run/postgresql", "or as ?user= at the end")]
#[case("postgres://ann@db/rooms?user=", "the user is missing")]
// certificates
#[case(
    "postgres://ann@db/rooms?sslrootcert=system",
    "sslrootcert is wrong; leave it out: without it"
)]
#[case("postgres://ann@db/rooms?ssl-ca=system", "the system trusts")]
// passwords that were not escaped
#[case(
    "postgres://ann:hid@den@db/rooms",
    "percent-encode what belongs to these: @ as %40"
)]
#[case("postgres://ann:hid/den@db/rooms", "/ as %2F")]
#[case("postgres://ann:hid#den@db/rooms", "# as %23")]
#[case("postgres://ann:hid?den@db/rooms", "? as %3F")]
#[case("postgres://ann:12?hidden=@db/rooms", "? as %3F")]
#[case("postgres://db/rooms?password=hid#den", "percent-encode one")]
#[case("postgres://ann:hidden%@db/rooms", "as %25")]
#[case("postgres://ann:hid%den@db/rooms", "as %25")]
#[case("postgres://ann:hidden%e4@db/rooms", "the password is not UTF-8")]
#[case("postgres://%e4:hidden@db/rooms", "the user is not UTF-8")]
#[case("postgres://db/%e4", "the name of the database is not UTF-8")]
#[case("postgres://ann:hid den@db/rooms", "a blank as %20")]
#[case("postgres://ann:hid\nden@db/rooms", "line break")]
#[case("postgres://ann:hidden@[db/rooms", "not a URL")]
fn what_is_wrong_is_told_with_the_fix_and_without_the_text(
    #[case] text: &str,
    #[case] expected: &str,
) {
    let message = parse(text).unwrap_err();
    assert!(message.contains(expected), "{message}");
    for piece in ["hid", "den", "ann:", "rooms", "%e4"] {
        assert!(!message.contains(piece), "{message}");
    }
}

#[test]
fn it_is_shown_without_user_password_and_parameters() {
    let url = parse("postgres://ann:hidden@db:5433/rooms?password=hidden").unwrap();
    let shown = "postgres://(hidden)@db:5433/rooms?(hidden)";
    assert_eq!(format!("{url} {url:?}"), format!("{shown} {shown}"));
}

#[rstest]
#[case("postgres://ann@db/rooms", &[])]
#[case("postgres://ann:@db/rooms", &[])]
#[case("postgres://ann:pw@db/rooms", &["pw"])]
#[case("postgres://ann:p%40w@db/rooms", &["p%40w", "p@w"])]
#[case("postgres://ann:p:w|@db/rooms", &["p%3Aw%7C", "p:w|"])]
#[case("postgres://ann:pw@db/rooms?password=a%26b", &["a%26b", "a&b", "pw"])]
fn its_password_is_known_in_every_spelling(#[case] text: &str, #[case] expected: &[&str]) {
    let secrets = parse(text).unwrap().secrets();
    let secrets: Vec<_> = secrets.iter().map(SecretString::expose_secret).collect();
    assert_eq!(secrets, expected);
}

#[rstest]
#[case("postgres://ann@db/rooms", true)]
#[case("postgres://ann@db/rooms?sslmode=prefer", true)]
#[case("postgres://ann@db/rooms?sslmode=allow", true)]
#[case("postgres://ann@db/rooms?sslmode=disable", false)]
#[case("postgres://ann@db/rooms?sslmode=require", false)]
#[case("postgres://ann@db/rooms?sslmode=verify-full", false)]
#[case("postgres://ann@10.0.0.7/rooms", true)]
#[case("postgres://ann@localhost/rooms", false)]
#[case("postgres://ann@127.0.0.1/rooms", false)]
#[case("postgres://ann@[::1]/rooms", false)]
#[case("postgres://ann@localhost/rooms?host=db", true)]
#[case("postgres://ann@%2Frun%2Fpostgresql/rooms", false)]
#[case("postgres://ann@db/rooms?host=/run/postgresql", false)]
fn only_what_nobody_decided_is_called_exposed(#[case] text: &str, #[case] exposed: bool) {
    assert_eq!(parse(text).unwrap().is_exposed(), exposed);
}

#[test]
fn files_that_parameters_name_are_looked_into() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    };
    let certificate = file("ca.pem", "-----BEGIN CERTIFICATE-----\n");
    let (key, other) = (
        file("key.pem", "-----BEGIN PRIVATE KEY-----\n"),
        file("other", "hidden"),
    );
    let checked = |parameters: &str| {
        let url = parse(&format!("postgres://ann@db/rooms?{parameters}")).unwrap();
        url.check_files()
    };
    let right = format!("sslrootcert={certificate}&sslcert={certificate}&sslkey={key}");
    assert_eq!(checked(&right), Ok(()));
    let inline = "-----BEGIN%20CERTIFICATE-----%0A-----END%20CERTIFICATE-----";
    assert_eq!(checked(&format!("sslrootcert={inline}")), Ok(()));
    for (wrong, expected) in [
        (
            "sslrootcert=/nonexistent/hidden",
            "sslrootcert: there is no such file",
        ),
        ("sslrootcert=", "sslrootcert: there is no such file"),
        (
            &format!("sslcert={certificate}&sslkey={other}"),
            "sslkey: there is no PEM",
        ),
    ] {
        let message = checked(wrong).unwrap_err();
        assert!(
            message.contains(expected) && !message.contains("hidden"),
            "{message}"
        );
    }
}

#[test]
fn a_key_that_stands_in_the_url_is_a_secret() {
    let pem = "-----BEGIN%20PRIVATE%20KEY-----MIIEvg-----END%20PRIVATE%20KEY-----";
    let certificate = "-----BEGIN%20CERTIFICATE-----x-----END%20CERTIFICATE-----";
    let url = parse(&format!(
        "postgres://ann@db/rooms?sslcert={certificate}&sslkey={pem}"
    ))
    .unwrap();
    let secrets = url.secrets();
    assert!(secrets.len() == 1 && secrets[0].expose_secret().contains("MIIEvg"));
    assert!(!format!("{url:?}").contains("MIIEvg"));
}

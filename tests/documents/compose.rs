//! The compose file, parsed: what it gives to the program, and how tightly it holds it.

use std::collections::BTreeSet;

use boardroom::config::{Config, Environment, Key, Needs, effective, keys};
use yaml_serde::Value;

use crate::{accepts, commands, known_variables, read};

fn compose() -> Value {
    let mut compose: Value = yaml_serde::from_str(&read("docker-compose.yml")).unwrap();
    compose.apply_merge().unwrap();
    compose
}

fn service(name: &str) -> Value {
    let service = compose()["services"][name].clone();
    assert!(service.is_mapping(), "there is no service {name}");
    service
}

/// The texts of a list, in order.
fn texts(value: &Value) -> Vec<String> {
    let all = value.as_sequence().unwrap_or_else(|| panic!("{value:?}"));
    all.iter()
        .map(|text| text.as_str().unwrap().to_owned())
        .collect()
}

/// The entries of a map of texts.
fn entries(value: &Value) -> Vec<(String, String)> {
    let all = value.as_mapping().unwrap_or_else(|| panic!("{value:?}"));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    all.iter()
        .map(|(name, value)| (text(name), text(value)))
        .collect()
}

fn seconds(text: &str) -> u64 {
    text.strip_suffix('s').unwrap().parse().unwrap()
}

#[test]
fn every_service_is_held_tightly() {
    let names: BTreeSet<_> = compose()["services"]
        .as_mapping()
        .unwrap()
        .keys()
        .map(|name| name.as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        names,
        ["boardroom", "caddy", "demo"].map(str::to_owned).into()
    );
    for name in names {
        let service = service(&name);
        assert_eq!(service["read_only"].as_bool(), Some(true), "{name}");
        assert_eq!(texts(&service["cap_drop"]), ["ALL"], "{name}");
        assert_eq!(
            texts(&service["security_opt"]),
            ["no-new-privileges:true"],
            "{name}"
        );
        assert!(service["privileged"].is_null() && service["user"].is_null());
    }
}

#[test]
fn the_service_gets_what_it_needs() {
    let service = service("boardroom");
    assert_eq!(texts(&service["volumes"]), ["data:/data"]);
    assert!(service["profiles"].is_null(), "it starts with `up`");
    let test = texts(&service["healthcheck"]["test"]);
    assert_eq!(test[..2], ["CMD", "/usr/local/bin/boardroom"]);
    let arguments: Vec<_> = test[2..].iter().map(String::as_str).collect();
    assert!(!arguments.is_empty() && accepts(&arguments), "{test:?}");
    let grace = effective(None, &Environment::default())
        .into_iter()
        .find(|setting| setting.key == "grace")
        .unwrap();
    let patience = service["stop_grace_period"].as_str().unwrap();
    assert!(seconds(patience) > seconds(&grace.value), "{patience}");
    let port = &texts(&service["ports"])[0];
    assert!(
        port.starts_with("127.0.0.1:"),
        "{port} is open to the world"
    );
}

#[test]
fn each_credential_comes_from_a_file_of_its_own() {
    let (compose, service) = (compose(), service("boardroom"));
    let given = texts(&service["secrets"]);
    let by_file: BTreeSet<_> = keys().iter().filter_map(Key::variable_by_file).collect();
    let mut used = Vec::new();
    for (variable, path) in entries(&service["environment"]) {
        assert!(by_file.contains(&variable), "{variable}");
        let name = path.strip_prefix("/run/secrets/").unwrap();
        assert_eq!(name, variable.trim_end_matches("_FILE").to_lowercase());
        used.push(name.to_owned());
    }
    assert_eq!(used, given);
    let declared: Vec<_> = compose["secrets"]
        .as_mapping()
        .unwrap()
        .iter()
        .map(|(name, secret)| {
            let name = name.as_str().unwrap().to_owned();
            let file = secret["file"].as_str().unwrap();
            assert_eq!(file, format!("./secrets/{name}"));
            assert!(
                read("README.md").contains(&format!("cat > secrets/{name}\n")),
                "{name}"
            );
            name
        })
        .collect();
    assert_eq!(declared, given);
}

#[test]
fn the_demo_needs_no_account_and_no_file() {
    let demo = service("demo");
    for key in [
        "secrets",
        "env_file",
        "environment",
        "depends_on",
        "volumes",
    ] {
        assert!(demo[key].is_null(), "demo: {key}");
    }
    assert_eq!(texts(&demo["profiles"]), ["demo"]);
    assert_eq!(texts(&demo["tmpfs"]), ["/tmp"]);
    let command = texts(&demo["command"]);
    assert!(commands().contains(&command[0]), "{command:?}");
    // Compose reads the whole file before it starts one service.
    let environment = &service("boardroom")["env_file"][0];
    assert_eq!(environment["path"].as_str(), Some(".env"));
    assert_eq!(environment["required"].as_bool(), Some(false));
    for rest in read("docker-compose.yml").split("${").skip(1) {
        let inside = rest.split('}').next().unwrap();
        let (name, _) = inside
            .split_once(":-")
            .unwrap_or_else(|| panic!("{inside} has no default"));
        assert!(known_variables().contains(name), "{name}");
    }
}

#[test]
fn caddy_passes_on_what_trello_calls_and_nothing_else() {
    let caddy = service("caddy");
    assert_eq!(texts(&caddy["profiles"]), ["caddy"]);
    let mounted = &texts(&caddy["volumes"])[0];
    assert_eq!(mounted, "./config/Caddyfile:/etc/caddy/Caddyfile:ro");
    let caddyfile = read("config/Caddyfile");
    let handled: Vec<_> = caddyfile
        .lines()
        .filter_map(|line| line.trim().strip_prefix("handle /"))
        .collect();
    let path = boardroom::config::CALLBACK_PATH.trim_start_matches('/');
    assert_eq!(handled, [format!("{path} {{")]);
    let port = texts(&service("boardroom")["ports"])[0]
        .rsplit(':')
        .next()
        .unwrap()
        .to_owned();
    assert!(caddyfile.contains(&format!("reverse_proxy boardroom:{port}\n")));
    assert!(caddyfile.contains("\n{$BOARDROOM_PUBLIC_URL} {\n"));
    assert_eq!(
        entries(&caddy["environment"])[0].0,
        "BOARDROOM_PUBLIC_URL",
        "the variable of the Caddyfile"
    );
}

#[test]
fn every_setting_of_the_example_is_one_of_the_program() {
    let example = read("config/env.example");
    let known = known_variables();
    let settings: Vec<_> = example
        .lines()
        .filter_map(|line| line.strip_prefix("# ").unwrap_or(line).split_once('='))
        .filter(|(name, _)| !name.contains(' '))
        .collect();
    assert!(settings.len() > 10);
    let given = entries(&service("boardroom")["environment"]);
    for (name, _) in settings {
        assert!(known.contains(name), "{name}");
        let clash = given
            .iter()
            .any(|(file, _)| file.trim_end_matches("_FILE") == name);
        assert!(
            !clash,
            "{name} comes from a file already; both are an error"
        );
    }
}

/// The section of the README on PostgreSQL, and the compose file in it.
fn with_postgres() -> (String, Value) {
    let readme = read("README.md");
    let section = crate::markdown::section(&readme, "## PostgreSQL instead of a file");
    let (_, rest) = section.split_once("```yaml\n").unwrap();
    let (file, _) = rest.split_once("```").unwrap();
    (section.to_owned(), yaml_serde::from_str(file).unwrap())
}

#[test]
fn the_compose_file_for_postgresql_gives_the_url_by_a_file() {
    let (section, addition) = with_postgres();
    let ours = &addition["services"]["boardroom"];
    let given = entries(&ours["environment"]);
    let [(variable, path)] = &given[..] else {
        panic!("{given:?}")
    };
    assert!(known_variables().contains(variable), "{variable}");
    let mut used = texts(&ours["secrets"]);
    assert_eq!(path, &format!("/run/secrets/{}", used[0]));
    let postgres = &addition["services"]["postgres"];
    used.extend(texts(&postgres["secrets"]));
    let environment = entries(&postgres["environment"]);
    let password = format!("/run/secrets/{}", used[1]);
    assert!(environment.iter().any(|(_, value)| *value == password));
    let declared = addition["secrets"].as_mapping().unwrap();
    let declared: Vec<_> = declared.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(declared, [Some(&*used[0]), Some(&*used[1])]);
    for secret in used {
        let file = addition["secrets"][secret.as_str()]["file"].as_str();
        assert_eq!(file, Some(&*format!("./secrets/{secret}")));
        assert!(section.contains(&format!("`secrets/{secret}`")), "{secret}");
    }
}

#[test]
fn every_database_url_that_is_shown_is_accepted() {
    let readme = read("README.md");
    let shown: Vec<_> = readme
        .split(['`', '\'', '\n'])
        .filter(|text| text.starts_with("postgres://"))
        .collect();
    assert!(shown.len() >= 3, "{shown:?}");
    for url in shown {
        let environment = [("BOARDROOM_DATABASE_URL", url)].into_iter().collect();
        let loaded = Config::load(Needs::Nothing, None, &environment);
        assert!(loaded.is_ok(), "{url}: {loaded:?}");
    }
}

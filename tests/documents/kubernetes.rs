//! The manifests for Kubernetes, built as they are applied: against the schemas of Kubernetes, and against the program.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::Path;

use serde::Deserialize as _;
use yaml_serde::{Deserializer, Value};

use crate::tool::check;
use crate::{accepts, read};

const VARIANTS: [&str; 2] = ["sqlite", "postgres"];
/// Of Kubernetes: the oldest that has all that is used, and the newest that the checker knows.
const VERSIONS: [&str; 2] = ["1.25", "1.37"];

/// Those of the listener for metrics and the page among them.
fn known_variables() -> BTreeSet<String> {
    let admin = ["BOARDROOM_ADMIN_LISTEN", "BOARDROOM_ADMIN_TOKEN_FILE"];
    let known = crate::known_variables().into_iter();
    known.chain(admin.map(str::to_owned)).collect()
}

/// All objects of a variant as `kubectl apply -k` would send them.
fn built(variant: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/kubernetes");
    let path = folder.join(variant);
    let (content, said) = check("kubectl", &[OsStr::new("kustomize"), path.as_os_str()]);
    assert!(content, "{variant}: {said}");
    said
}

fn objects(text: &str) -> Vec<Value> {
    let documents = Deserializer::from_str(text);
    documents
        .map(|document| Value::deserialize(document).unwrap())
        .collect()
}

fn only(objects: &[Value], kind: &str) -> Value {
    let mut of_kind = objects.iter().filter(|object| object["kind"] == *kind);
    let found = of_kind.next().unwrap_or_else(|| panic!("no {kind}"));
    assert!(of_kind.next().is_none(), "several {kind}");
    found.clone()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value:?}"))
}

fn list(value: &Value) -> &[Value] {
    value.as_sequence().unwrap_or_else(|| panic!("{value:?}"))
}

fn pod(variant: &str) -> Value {
    only(&objects(&built(variant)), "Deployment")["spec"]["template"]["spec"].clone()
}

fn container(variant: &str) -> Value {
    let pod = pod(variant);
    let containers = list(&pod["containers"]);
    assert_eq!(containers.len(), 1);
    containers[0].clone()
}

/// What is wrong with the objects, by the schemas of Kubernetes and of the Prometheus operator. None is left unchecked.
fn faults(text: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let (path, monitor) = (
        folder.path().join("all.yaml"),
        folder.path().join("one.json"),
    );
    std::fs::write(&path, text).unwrap();
    let mut faults = Vec::new();
    for version in VERSIONS {
        let arguments = ["--strict", "-k", version].map(OsStr::new);
        let arguments: Vec<_> = arguments.into_iter().chain([path.as_os_str()]).collect();
        let (content, said) = check("kubernetes-validate", &arguments);
        let unknown = said
            .lines()
            .filter(|line| line.contains("Couldn't find schema"));
        let unknown: Vec<_> = unknown.collect();
        assert!(
            unknown.len() == 1 && unknown[0].contains("kind ServiceMonitor "),
            "{version}: {said}"
        );
        if !content {
            faults.push(said);
        }
    }
    let object = serde_json::to_string(&only(&objects(text), "ServiceMonitor")).unwrap();
    std::fs::write(&monitor, object).unwrap();
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/documents/monitor.schema.json");
    let schema = [OsStr::new("--schemafile"), schema.as_os_str()];
    let (content, said) = check(
        "check-jsonschema",
        &[schema[0], schema[1], monitor.as_os_str()],
    );
    if !content {
        faults.push(said);
    }
    faults
}

#[test]
fn kubernetes_takes_both_variants() {
    for variant in VARIANTS {
        let faults = faults(&built(variant));
        assert!(faults.is_empty(), "{variant}: {faults:?}");
    }
}

#[test]
fn a_wrong_field_is_told() {
    let right = built("postgres");
    for (is, wrong) in [
        ("readinessProbe:", "readynessProbe:"),
        ("replicas: 3", "replicas: many"),
        ("maxUnavailable:", "maxUnavailabel:"),
        ("pathType:", "pathTyp:"),
        ("scrapeTimeout:", "scrapeTimeOut:"),
        ("path: /metrics", "path: metrics"),
    ] {
        assert!(right.contains(is), "{is}");
        let faults = faults(&right.replace(is, wrong));
        let named = wrong.split(": ").last().unwrap().trim_end_matches(':');
        let told = faults.iter().any(|fault| fault.contains(named));
        assert!(told, "{wrong}: {faults:?}");
    }
}

#[test]
fn the_variants_differ_in_what_the_database_asks_for() {
    let of = |variant: &str| {
        let read = read(&format!("config/kubernetes/{variant}/deployment.yaml"));
        read.lines().map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let (file, server) = (of("sqlite"), of("postgres"));
    let words = |one: &BTreeSet<String>, other: &BTreeSet<String>| {
        let lines: Vec<_> = one.difference(other).cloned().collect();
        lines.join("\n")
    };
    for word in words(&file, &server).lines() {
        let allowed = [
            "file",
            "replicas: 1",
            "Recreate",
            "data",
            "persistentVolumeClaim",
            "claimName",
        ];
        assert!(allowed.iter().any(|part| word.contains(part)), "{word}");
    }
    let objects = objects(&built("postgres"));
    let deployment = only(&objects, "Deployment");
    assert_eq!(deployment["spec"]["replicas"], 3);
    assert_eq!(deployment["spec"]["strategy"]["type"], "RollingUpdate");
    let spread = &deployment["spec"]["template"]["spec"]["topologySpreadConstraints"];
    let labels = &deployment["spec"]["selector"];
    assert!(
        list(spread)
            .iter()
            .all(|over| over["labelSelector"] == *labels)
    );
    assert_eq!(
        only(&objects, "PodDisruptionBudget")["spec"]["selector"],
        *labels
    );

    let objects = crate::kubernetes::objects(&built("sqlite"));
    let deployment = only(&objects, "Deployment");
    assert_eq!(deployment["spec"]["replicas"], 1);
    assert_eq!(deployment["spec"]["strategy"]["type"], "Recreate");
    let claim = &only(&objects, "PersistentVolumeClaim")["metadata"]["name"];
    let volumes = &deployment["spec"]["template"]["spec"]["volumes"];
    let used = list(volumes)
        .iter()
        .any(|volume| volume["persistentVolumeClaim"]["claimName"] == *claim);
    assert!(used);
}

#[test]
fn the_image_is_called_as_in_cargo_toml() {
    let manifest: toml::Table = toml::from_str(&read("Cargo.toml")).unwrap();
    let name = manifest["package"]["metadata"]["image"].as_str().unwrap();
    let expected = format!("{name}:{}", env!("CARGO_PKG_VERSION"));
    for variant in VARIANTS {
        assert_eq!(container(variant)["image"], *expected, "{variant}");
    }
    for path in [
        "docker-compose.yml",
        ".github/workflows/release.yml",
        "Dockerfile",
        "README.md",
    ] {
        assert!(!read(path).contains(name), "{path} names the image");
    }
}

#[test]
fn the_program_is_held_tightly_and_asked_how_it_is() {
    for variant in VARIANTS {
        let (pod, container) = (pod(variant), container(variant));
        assert_eq!(pod["enableServiceLinks"], false);
        assert_eq!(pod["automountServiceAccountToken"], false);
        let (of_pod, own) = (&pod["securityContext"], &container["securityContext"]);
        assert_eq!(of_pod["runAsNonRoot"], true);
        assert_eq!(of_pod["seccompProfile"]["type"], "RuntimeDefault");
        assert_eq!(own["allowPrivilegeEscalation"], false);
        assert_eq!(own["readOnlyRootFilesystem"], true);
        assert_eq!(list(&own["capabilities"]["drop"]), ["ALL"]);
        for (probe, path) in [
            ("startupProbe", "/livez"),
            ("readinessProbe", "/readyz"),
            ("livenessProbe", "/livez"),
        ] {
            let asked = &container[probe]["httpGet"];
            assert_eq!((text(&asked["path"]), text(&asked["port"])), (path, "http"));
        }
        let arguments: Vec<_> = list(&container["args"]).iter().map(text).collect();
        assert!(accepts(&arguments), "{arguments:?}");
        let namespace = only(&objects(&built(variant)), "Namespace");
        let level = &namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"];
        assert_eq!(*level, "restricted");
    }
}

/// What the generated `ConfigMap` sets.
fn settings() -> Vec<(String, String)> {
    let settings = only(&objects(&built("sqlite")), "ConfigMap")["data"].clone();
    let settings = settings.as_mapping().unwrap().iter();
    settings
        .map(|(name, value)| (text(name).to_owned(), text(value).to_owned()))
        .collect()
}

#[test]
fn settings_are_read_and_secrets_come_from_files() {
    let known = known_variables();
    for (name, _) in settings() {
        assert!(known.contains(&name), "{name}");
    }
    let example: Value =
        yaml_serde::from_str(&read("config/kubernetes/secret.example.yaml")).unwrap();
    let held: BTreeSet<_> = example["stringData"]
        .as_mapping()
        .unwrap()
        .keys()
        .map(text)
        .collect();
    let mut used = BTreeSet::new();
    for variant in VARIANTS {
        let container = container(variant);
        let mount = &list(&container["volumeMounts"])[0];
        for variable in list(&container["env"]) {
            let name = text(&variable["name"]);
            assert!(known.contains(name), "{name}");
            let path = text(&variable["value"]);
            let file = path.strip_prefix(text(&mount["mountPath"])).unwrap();
            let file = file.trim_start_matches('/').to_owned();
            let of_name = name
                .trim_end_matches("_FILE")
                .trim_start_matches("BOARDROOM_");
            assert_eq!(file, of_name.to_lowercase());
            used.insert(file);
        }
        let pod = pod(variant);
        let volume = &list(&pod["volumes"])[0];
        assert_eq!(volume["secret"]["secretName"], example["metadata"]["name"]);
    }
    assert_eq!(
        used.iter().map(String::as_str).collect::<BTreeSet<_>>(),
        held
    );
}

#[test]
fn what_is_offered_in_comments_can_be_taken_in() {
    let known = known_variables();
    for variant in VARIANTS {
        let path = format!("config/kubernetes/{variant}/deployment.yaml");
        let taken_in = read(&path)
            .replace("# - name:", "- name:")
            .replace("#   value:", "  value:");
        let deployment: Value = yaml_serde::from_str(&taken_in).unwrap();
        let container = &deployment["spec"]["template"]["spec"]["containers"][0];
        let variables = list(&container["env"]);
        let names: Vec<_> = variables.iter().map(|one| text(&one["name"])).collect();
        for name in ["BOARDROOM_NOTIFY_URL_FILE", "BOARDROOM_HEARTBEAT_URL_FILE"] {
            assert!(
                names.contains(&name) && known.contains(name),
                "{path}: {name}"
            );
            let of_name = name
                .trim_start_matches("BOARDROOM_")
                .trim_end_matches("_FILE");
            let file = format!("/run/secrets/boardroom/{}", of_name.to_lowercase());
            assert!(variables.iter().any(|one| one["value"] == *file), "{file}");
        }
    }
}

#[test]
fn stopping_fits_into_the_time_that_a_pod_gets() {
    let seconds = |name: &str| {
        let settings = settings();
        let (_, value) = settings.iter().find(|(known, _)| known == name).unwrap();
        value.strip_suffix('s').unwrap().parse::<u64>().unwrap()
    };
    let (drain, grace) = (seconds("BOARDROOM_DRAIN"), seconds("BOARDROOM_GRACE"));
    assert!(drain > 0 && drain < grace);
    for variant in VARIANTS {
        let patience = pod(variant)["terminationGracePeriodSeconds"]
            .as_u64()
            .unwrap();
        assert!(patience > grace, "{variant}");
    }
}

#[test]
fn trello_reaches_its_callback_and_prometheus_the_metrics_and_nobody_else_anything() {
    for variant in VARIANTS {
        let objects = objects(&built(variant));
        let ingress = only(&objects, "Ingress");
        let rules = list(&ingress["spec"]["rules"]);
        assert_eq!(rules.len(), 1);
        let paths = list(&rules[0]["http"]["paths"]);
        assert_eq!(paths.len(), 1);
        assert_eq!(paths[0]["path"], *boardroom::config::CALLBACK_PATH);
        assert_eq!(paths[0]["pathType"], "Exact");
        assert_eq!(paths[0]["backend"]["service"]["port"]["name"], "http");
        let url = settings()
            .into_iter()
            .find(|(name, _)| name == "BOARDROOM_PUBLIC_URL");
        assert_eq!(
            url.unwrap().1,
            format!("https://{}", text(&rules[0]["host"]))
        );

        let container = container(variant);
        let ports: Vec<_> = list(&container["ports"])
            .iter()
            .map(|port| text(&port["name"]))
            .collect();
        assert_eq!(ports, ["http", "admin"]);
        let listen = crate::image::default("listen");
        let public = container["ports"][0]["containerPort"].as_u64().unwrap();
        assert!(listen.ends_with(&format!(":{public}")));

        let policies = objects
            .iter()
            .filter(|object| object["kind"] == *"NetworkPolicy");
        let policies: Vec<_> = policies.collect();
        let asks = |policy: &Value, way: &str| !policy["spec"][way].is_null();
        let inward: Vec<_> = policies
            .iter()
            .filter(|policy| asks(policy, "ingress"))
            .collect();
        assert_eq!(inward.len(), 1);
        let rules = list(&inward[0]["spec"]["ingress"]);
        let open: Vec<_> = rules
            .iter()
            .map(|rule| text(&rule["ports"][0]["port"]))
            .collect();
        assert_eq!(open, ports);
        assert!(rules.iter().all(|rule| !list(&rule["from"]).is_empty()));
        let outward = policies
            .iter()
            .flat_map(|policy| list(&policy["spec"]["egress"]));
        let outward = outward.flat_map(|rule| list(&rule["ports"]));
        let outward: BTreeSet<_> = outward.map(|port| port["port"].as_u64().unwrap()).collect();
        let database = (variant == "postgres").then_some(5432);
        assert_eq!(outward, [53, 443].into_iter().chain(database).collect());
    }
}

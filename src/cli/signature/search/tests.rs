//! The table of mistakes: each is made as people make it, and must be told from all others.

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};

use super::super::header::Form;
use super::*;

const OWN: &str = "https://rooms.example/webhooks/trello";
const OLD: &str = "https://old.example/cb?x=1";
const BODY: &str = r#"{"z":{"name":"Bü\u0022ro 📁"},"a":[1.50],"webhook":{"callbackURL":"https://told.example/cb"}}"#;
const ASKED: &str = "http://10.0.0.7:3000/webhooks/trello?y=2";

fn mac(secret: &str, body: &str, callback: &str) -> Vec<u8> {
    let mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).unwrap();
    let mac = mac.chain_update(body).chain_update(callback);
    mac.finalize().into_bytes().to_vec()
}

/// As Trello writes it.
fn signed(secret: &str, body: &str, callback: &str) -> String {
    BASE64_STANDARD.encode(mac(secret, body, callback))
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
}

fn diagnosed(body: &str, signature: &str) -> Verdict {
    let secrets = ["new-secret", "old-secret"].map(SecretString::from);
    let (key, token) = (
        SecretString::from("the-key"),
        SecretString::from("the-token"),
    );
    let known = Known {
        secrets: &secrets,
        key: Some(&key),
        token: Some(&token),
        callbacks: vec![OWN, OLD],
        port: 8080,
    };
    let letter = Letter {
        body: body.as_bytes(),
        is_cut: false,
        signature: Some(signature),
        asked: Some(ASKED),
    };
    diagnose(letter, &known)
}

/// Key, address, rewriting of the body; and the form of the header, which is right throughout.
#[track_caller]
fn guessed(body: &str, signature: &str, key: Key, address: &str, rewrite: Rewrite) {
    let Verdict::WouldMatch(guess) = diagnosed(body, signature) else {
        panic!("{:?}", diagnosed(body, signature))
    };
    assert_eq!(
        (guess.key, guess.address.as_str(), guess.rewrite),
        (key, address, rewrite)
    );
    assert_eq!(guess.is_ours, address == OWN || address == OLD);
}

#[test]
fn what_is_configured_matches() {
    for (secret, name) in ["new-secret", "old-secret"].into_iter().enumerate() {
        for callback in [OWN, OLD] {
            let verdict = diagnosed(BODY, &signed(name, BODY, callback));
            let callback = callback.to_owned();
            assert_eq!(verdict, Verdict::Matches { secret, callback });
        }
    }
}

#[test]
fn every_address_that_people_mistake_for_the_right_one_is_found() {
    let table = [
        "https://rooms.example/webhooks/trello/",
        "http://rooms.example/webhooks/trello",
        "https://rooms.example:443/webhooks/trello",
        "https://rooms.example:8080/webhooks/trello",
        "https://www.rooms.example/webhooks/trello",
        "https://rooms.example/webhooks/trello?y=2",
        "https://rooms.example",
        "https://rooms.example/",
        "https://old.example/cb",
        "http://www.rooms.example/webhooks/trello/",
        ASKED,
        "https://10.0.0.7:3000/webhooks/trello",
        "https://told.example/cb",
        "",
    ];
    for address in table {
        let signature = signed("old-secret", BODY, address);
        guessed(BODY, &signature, Key::Secret(1), address, Rewrite::None);
    }
}

#[test]
fn every_text_that_people_take_for_the_secret_is_found() {
    let table = [
        ("the-key", Key::Api),
        ("the-token", Key::Token),
        ("new-secret\n", Key::Wrapped(0, Wrapping::LineBreak)),
        ("old-secret\r\n", Key::Wrapped(1, Wrapping::LineBreak)),
        (" new-secret", Key::Wrapped(0, Wrapping::Blank)),
        ("\"new-secret\"", Key::Wrapped(0, Wrapping::Quotes)),
        ("'old-secret'", Key::Wrapped(1, Wrapping::Quotes)),
    ];
    for (secret, key) in table {
        guessed(BODY, &signed(secret, BODY, OWN), key, OWN, Rewrite::None);
    }
}

#[test]
fn every_way_to_rewrite_a_body_is_found() {
    for (rewrite, form) in rewrite::forms(BODY.as_bytes()).into_iter().skip(1) {
        let form = String::from_utf8(form).unwrap();
        let signature = signed("new-secret", &form, OWN);
        guessed(BODY, &signature, Key::Secret(0), OWN, rewrite);
    }
    // What was signed raw, as Trello does, and written anew on its way.
    let raw = r#"{"name":"Büro"}"#;
    let signature = signed("new-secret", raw, OWN);
    for arrived in [r#"{"name": "B\u00fcro"}"#, "{\n  \"name\": \"Büro\"\n}\n"] {
        guessed(arrived, &signature, Key::Secret(0), OWN, Rewrite::Compact);
    }
}

#[test]
fn every_way_to_write_a_signature_is_found() {
    let mac = mac("new-secret", BODY, OWN);
    let longer = Hmac::<Sha256>::new_from_slice(b"new-secret").unwrap();
    let longer = longer.chain_update(BODY).chain_update(OWN);
    let longer = longer.finalize().into_bytes();
    let table = [
        (hex(&mac), Form::Hex, Hash::Sha1),
        (format!("sha1={}", hex(&mac)), Form::Hex, Hash::Sha1),
        (BASE64_STANDARD.encode(longer), Form::Base64, Hash::Sha256),
        (format!("sha256={}", hex(&longer)), Form::Hex, Hash::Sha256),
        (
            format!("\"{}\"", BASE64_STANDARD.encode(&mac)),
            Form::Base64,
            Hash::Sha1,
        ),
        (
            BASE64_STANDARD
                .encode(&mac)
                .trim_end_matches('=')
                .to_owned(),
            Form::Unpadded,
            Hash::Sha1,
        ),
    ];
    for (signature, form, hash) in table {
        let Verdict::WouldMatch(guess) = diagnosed(BODY, &signature) else {
            panic!("{signature}")
        };
        assert_eq!((guess.header.form, guess.header.hash()), (form, hash));
        assert_eq!((guess.key, guess.is_ours), (Key::Secret(0), true));
    }
    let url_safe = (0_u32..1_000)
        .map(|n| format!("{n}"))
        .find(|body| {
            BASE64_STANDARD
                .encode(self::mac("new-secret", body, OWN))
                .contains(['+', '/'])
        })
        .unwrap();
    let signature = BASE64_URL_SAFE_NO_PAD.encode(self::mac("new-secret", &url_safe, OWN));
    let Verdict::WouldMatch(guess) = diagnosed(&url_safe, &signature) else {
        panic!("{signature}")
    };
    assert_eq!(guess.header.form, Form::UrlSafe);
}

#[test]
fn two_mistakes_at_once_are_found() {
    let address = "https://rooms.example/webhooks/trello/";
    let signature = hex(&mac("new-secret\n", BODY, address));
    let key = Key::Wrapped(0, Wrapping::LineBreak);
    guessed(BODY, &signature, key, address, Rewrite::None);
}

#[test]
fn what_no_mistake_explains_stays_unexplained() {
    let told = Some("https://told.example/cb".to_owned());
    let verdict = diagnosed(BODY, &signed("another", BODY, OWN));
    assert_eq!(verdict, Verdict::Nothing { told });
    let table = [
        ("", Verdict::Unsigned),
        ("not base64", Verdict::Unreadable),
        ("AAAA", Verdict::Unreadable),
        ("a, b", Verdict::Several),
        (super::super::FORGED, Verdict::Forged),
    ];
    for (signature, verdict) in table {
        assert_eq!(diagnosed(BODY, signature), verdict, "{signature}");
    }
    let known = Known {
        secrets: &[],
        key: None,
        token: None,
        callbacks: vec![OWN],
        port: 8080,
    };
    let signature = signed("new-secret", BODY, OWN);
    let mut letter = Letter {
        body: BODY.as_bytes(),
        is_cut: true,
        signature: Some(&signature),
        asked: None,
    };
    assert_eq!(diagnose(letter, &known), Verdict::Cut);
    letter.signature = None;
    assert_eq!(diagnose(letter, &known), Verdict::Unsigned);
}

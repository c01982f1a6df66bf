//! What the configuration says about the rooms that are made. Pure functions of the text.

use std::collections::BTreeSet;

use crate::model::room::{Access, INTEGRATION_TAG, Invitee, RoomType};
use crate::model::title::TitleTemplate;

/// `DocSpace` keeps tags in a column of 255 characters; a longer one fails after the room was made.
const LONGEST_TAG: usize = 255;
/// The longest address that mail can carry (RFC 5321, errata 1690).
const LONGEST_EMAIL: usize = 254;
/// How our own tags begin, as `DocSpace` compares them: without case.
const OUR_TAGS: &str = "trello board";

/// What a room is like when it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomConfig {
    pub kind: RoomType,
    pub title: TitleTemplate,
    /// Beside the two tags that every room of ours carries. Each is written once, whatever its case.
    pub tags: Vec<String>,
    /// End-to-end encryption, which servers refuse to an API key.
    pub private: bool,
    /// Each address is there once.
    pub members: Vec<Invitee>,
}

pub(super) fn tags(texts: Vec<String>) -> Result<Vec<String>, String> {
    let mut seen = BTreeSet::from([INTEGRATION_TAG.to_lowercase()]);
    let mut tags = Vec::new();
    for (index, text) in texts.into_iter().enumerate() {
        let tag = text.trim();
        if let Some(message) = wrong_with_tag(tag) {
            return Err(format!("entry {}: {message}", index + 1));
        }
        if seen.insert(tag.to_lowercase()) {
            tags.push(tag.to_owned());
        }
    }
    Ok(tags)
}

fn wrong_with_tag(tag: &str) -> Option<String> {
    if tag.is_empty() {
        Some("the tag is blank; write it, or leave the entry out".into())
    } else if tag.chars().count() > LONGEST_TAG {
        Some(format!(
            "longer than the {LONGEST_TAG} characters that a tag may have; write a shorter one"
        ))
    } else if tag.chars().any(|character| character.len_utf16() > 1) {
        // a three-byte column in the server's database
        Some("there is an emoji or another character in it that DocSpace cannot keep in a tag; leave it out".into())
    } else if tag.contains(char::is_control) {
        Some("there is a line break or control character in it; leave it out".into())
    } else if tag.to_lowercase().starts_with(OUR_TAGS) {
        Some(
            "tags that begin with `Trello board` bind a room to its board; write another one"
                .into(),
        )
    } else {
        None
    }
}

/// `ann@example.com:manager`. A message names the entry by its number and never the address, which would reach logs.
pub(super) fn members(texts: &[String]) -> Result<Vec<Invitee>, String> {
    let mut seen = BTreeSet::new();
    let mut members = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        let wrong = |message: &str| format!("entry {}: {message}", index + 1);
        let (email, access) = text
            .rsplit_once(':')
            .ok_or_else(|| wrong("write address:level, such as ann@example.com:editor"))?;
        let email = email.trim();
        if !is_email(email) {
            return Err(wrong(
                "not an e-mail address; write address:level, such as ann@example.com:editor",
            ));
        }
        let access: Result<Access, _> = access.trim().parse();
        let access = access.map_err(|_| {
            wrong("no such level; after the colon write manager, creator, editor or viewer")
        })?;
        if !seen.insert(email.to_lowercase()) {
            return Err(wrong(
                "an earlier entry has the same address; remove one of them",
            ));
        }
        members.push(Invitee {
            email: email.to_owned(),
            access,
        });
    }
    Ok(members)
}

/// Whether mail could go there at all; more than that only the server can tell.
fn is_email(text: &str) -> bool {
    let strange = |character: char| {
        character.is_whitespace() || character.is_control() || ",;<>()\"".contains(character)
    };
    let parts = text
        .split_once('@')
        .filter(|(name, host)| !name.is_empty() && !host.is_empty() && !host.contains('@'));
    parts.is_some() && text.len() <= LONGEST_EMAIL && !text.contains(strange)
}

/// What no room of this type can have. Public rooms know managers and creators only
/// (`FileSecurity.AvailableRoomAccesses`), and the server answers an invitation beyond that with a mere warning.
pub(super) fn wrong_with_members(kind: RoomType, members: &[Invitee]) -> Option<&'static str> {
    let possible = |access| match access {
        Access::Manager | Access::Creator => true,
        Access::Viewer | Access::Editor => kind != RoomType::Public,
    };
    let all = members.iter().all(|member| possible(member.access));
    (!all).then_some("a public room has managers and creators only; change the level, or room_type")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().copied().map(str::to_owned).collect()
    }

    #[test]
    fn tags_are_those_that_docspace_can_keep() {
        let longest = "é".repeat(255);
        let given = texts(&[
            "Projekte 测试",
            &longest,
            "PROJEKTE 测试",
            "trello INTEGRATION",
        ]);
        assert_eq!(tags(given), Ok(texts(&["Projekte 测试", &longest])));
        let table = [
            ("é".repeat(256), "255"),
            ("party 🎉".into(), "emoji"),
            ("a\nb".into(), "line break"),
            (" ".into(), "blank"),
            (
                "TRELLO Board 64f0c0ffee0123456789abcd".into(),
                "bind a room",
            ),
        ];
        for (tag, expected) in table {
            let message = tags(vec!["fine".into(), tag]).unwrap_err();
            assert!(
                message.starts_with("entry 2: ") && message.contains(expected),
                "{message}"
            );
        }
    }

    #[test]
    fn members_are_addresses_with_a_level() {
        let members = members(&texts(&[
            "ann@example.com:manager",
            "bob@example.com : editor",
        ]))
        .unwrap();
        assert_eq!(
            members[0],
            Invitee {
                email: "ann@example.com".into(),
                access: Access::Manager
            }
        );
        assert_eq!(
            members[1],
            Invitee {
                email: "bob@example.com".into(),
                access: Access::Editor
            }
        );
    }

    #[test]
    fn a_wrong_member_is_told_without_the_address() {
        for wrong in [
            "ann@example.com",
            "manager:ann@example.com",
            "ann:editor",
            "@example.com:editor",
            "a n@example.com:editor",
            "ann@example.com:owner",
            "BOB@example.com:viewer",
        ] {
            let message = members(&texts(&["bob@example.com:editor", wrong])).unwrap_err();
            assert!(message.starts_with("entry 2: "), "{wrong}: {message}");
            assert!(
                !message.to_lowercase().contains("bob@") && !message.contains("n@example.com:o"),
                "{message}"
            );
        }
    }

    #[test]
    fn a_public_room_has_no_viewers() {
        let members = members(&texts(&["ann@example.com:viewer"])).unwrap();
        assert!(wrong_with_members(RoomType::Public, &members).is_some());
        assert!(wrong_with_members(RoomType::Collaboration, &members).is_none());
        assert!(wrong_with_members(RoomType::Public, &[]).is_none());
    }
}

//! The page of one board: where it stands, what is kept about it, what happened to it.

use std::sync::Arc;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::Deserialize;

use crate::admin::About;
use crate::admin::access::Access;
use crate::admin::pages::deeds::Deed;
use crate::admin::pages::done::{Done, Visitor};
use crate::admin::pages::list::trello;
use crate::admin::pages::view::{Board, BoardPage, Day, Fact, Line, Link, rendered};
use crate::admin::pages::words::{capitalised, counted, mark, named, sentence};
use crate::admin::pages::{frame, lost, trouble};
use crate::api;
use crate::desk::standings::code;
use crate::desk::{day_and_time, exactly, roughly};
use crate::docspace::DocSpace;
use crate::http::Clients;
use crate::model::board::{Record, RoomRecord};
use crate::model::id::BoardId;
use crate::model::time::Timestamp;
use crate::store::{Cursor, Happened, Page, Standing, Store, StoreError};

/// How many lines of the history a page has.
const LINES: u32 = 100;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    before: String,
    done: Option<Done>,
    #[serde(default)]
    count: u64,
}

/// `GET /boards/ID`.
pub(super) async fn show(
    State(store): State<Arc<dyn Store>>,
    State(clients): State<Clients>,
    State(about): State<About>,
    State(access): State<Access>,
    board: Result<Path<String>, PathRejection>,
    visitor: Visitor,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Response {
    let asked = asked.map(|Query(asked)| asked).unwrap_or_default();
    let Some(board) = board.ok().and_then(|board| board.parse().ok()) else {
        return lost();
    };
    let before = asked.before.parse().ok();
    match read(&*store, board, before).await {
        Ok(Some(seen)) => rendered(&BoardPage {
            frame: frame(&about, &access),
            done: visitor.told(asked.done, asked.count),
            board: seen.shown(&clients.docspace, before, Timestamp::now()),
        }),
        Ok(None) => lost(),
        Err(error) => trouble(&error),
    }
}

/// Everything that is read about it.
#[derive(Debug)]
struct Seen {
    standing: Standing,
    record: Record,
    history: Page<Happened>,
}

async fn read(
    store: &dyn Store,
    board: BoardId,
    before: Option<Cursor>,
) -> Result<Option<Seen>, StoreError> {
    let Some(standing) = store.standing(board).await? else {
        return Ok(None);
    };
    let record = store.record(board).await?;
    Ok(Some(Seen {
        standing,
        record: record.unwrap_or_else(|| Record::of_nothing(board)),
        history: store.latest_history(board, before, LINES).await?,
    }))
}

impl Seen {
    fn shown(&self, docspace: &DocSpace, before: Option<Cursor>, now: Timestamp) -> Board {
        let board = &self.standing;
        let address = format!("/boards/{}", board.id);
        Board {
            name: named(board.name.as_deref()),
            mark: mark(&board.words, !board.twins.is_empty()),
            sentence: sentence(&board.words, !board.twins.is_empty()),
            fix: code(&board.words).map(crate::model::failure::Code::fix),
            deeds: deeds(board).into_iter().map(Deed::button).collect(),
            facts: self.facts(docspace, now),
            record: record(&self.record),
            days: days(&self.history.rows),
            first: before.is_some().then(|| address.clone()),
            next: self
                .history
                .next
                .map(|next| format!("{address}?before={next}")),
        }
    }

    fn facts(&self, docspace: &DocSpace, now: Timestamp) -> Vec<Fact> {
        let board = &self.standing;
        let mut facts = vec![Fact {
            label: "Board",
            link: trello(board.short_link.as_deref()),
            said: vec![board.id.to_string()],
            ..Fact::default()
        }];
        let mut say = |label, said: Vec<String>| {
            facts.push(Fact {
                label,
                said,
                ..Fact::default()
            });
        };
        say(
            "Status since",
            vec![
                format!("{} ago", roughly(now.since(board.since))),
                short(board.since),
            ],
        );
        if let (1.., Some(since)) = (board.failures, board.failing_since) {
            let times = counted(board.failures.into(), "time", "times");
            say(
                "Failed",
                vec![format!(
                    "{times} in a row, for {}",
                    roughly(now.since(since))
                )],
            );
        }
        match board.next {
            None => {}
            Some(next) if next <= now => say("Next look", vec!["now".to_owned()]),
            Some(next) => say(
                "Next look",
                vec![format!("in {}", roughly(next.since(now)))],
            ),
        }
        if let Some(drift) = &board.drift {
            say(
                "By hand",
                vec![capitalised(&api::one_line(&drift.to_string()))],
            );
        }
        if !board.twins.is_empty() {
            let rooms: Vec<_> = board.twins.iter().map(ToString::to_string).collect();
            let said = format!(
                "Room {} carries its tag, too. Say which is right: boardroom link BOARD ROOM.",
                rooms.join(", ")
            );
            say("Twins", vec![said]);
        }
        facts.insert(1, self.room(docspace));
        facts
    }

    fn room(&self, docspace: &DocSpace) -> Fact {
        let archived = self.record.room.as_ref().and_then(|room| room.archived);
        let link = self.standing.room.map(|room| Link {
            url: docspace.room_url(room, archived.unwrap_or(false)),
            text: named(self.standing.room_title.as_deref()),
        });
        let said = match (self.standing.room, archived) {
            (None, _) => "none".to_owned(),
            (Some(room), Some(true)) => format!("room {room}, archived"),
            (Some(room), _) => format!("room {room}"),
        };
        Fact {
            label: "Room",
            link,
            said: vec![said],
            ..Fact::default()
        }
    }
}

/// What can be done to it, the likeliest first.
fn deeds(board: &Standing) -> Vec<Deed> {
    match (board.words.status.as_str(), board.words.reason.as_deref()) {
        // It never gets a room, and there is nothing to try.
        ("ignored", Some("inbox")) => Vec::new(),
        ("ignored", _) => vec![Deed::Mirror(board.id), Deed::Retry(board.id)],
        _ => vec![Deed::Retry(board.id), Deed::Ignore(board.id)],
    }
}

/// What the database has, as far as the first column does not say it.
fn record(record: &Record) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut say = |label, said: Option<String>| {
        if let Some(said) = said {
            facts.push(Fact {
                label,
                said: vec![api::one_line(&said)],
                ..Fact::default()
            });
        }
    };
    of_board(record, &mut say);
    if let Some(room) = &record.room {
        of_room(room, &mut say);
    }
    let intention = record.intention.as_ref();
    let intended = intention.map(|intention| format!("a room called “{}”", intention.title));
    say("Intended", intended);
    if facts.is_empty() {
        facts.push(Fact {
            label: "Nothing",
            said: vec!["It was not looked at yet.".to_owned()],
            ..Fact::default()
        });
    }
    facts
}

fn of_board(record: &Record, say: &mut impl FnMut(&'static str, Option<String>)) {
    let seen = record.seen.as_ref();
    let since =
        |at: Option<Timestamp>, whose: &str| at.map(|at| format!("{whose}since {}", short(at)));
    say("Kind", seen.map(|seen| seen.kind.as_str().to_owned()));
    let workspace = seen.and_then(|seen| seen.workspace).or(record.appeared);
    say(
        "Workspace",
        workspace.map(|workspace| workspace.to_string()),
    );
    say("Closed", since(record.closed_at, ""));
    let source = record.baseline;
    say(
        "Existed before",
        source.map(|source| format!("in the first list of {source}")),
    );
    let told = record.told;
    say(
        "Word",
        told.map(|told| format!("{}, by a person", told.as_str())),
    );
    let asked = record
        .asked
        .then(|| "by a person, whatever the rules say".to_owned());
    say("Asked for", asked);
    say("Not found", since(record.gone_at, "by Trello "));
    say("Missing", since(record.missing_at, "from Trello's lists "));
}

fn of_room(room: &RoomRecord, say: &mut impl FnMut(&'static str, Option<String>)) {
    say("Title sent", room.title_sent.clone());
    say("Title returned", Some(room.title_returned.clone()));
    let tags = if room.tagged {
        "both seen"
    } else {
        "not all seen yet"
    };
    say("Tags", Some(tags.to_owned()));
    let invited = if room.invited { "done" } else { "not done yet" };
    say("Invitations", Some(invited.to_owned()));
    let changes = room.changes.len() as u64;
    say(
        "Asked of DocSpace",
        (changes > 0).then(|| counted(changes, "change", "changes")),
    );
}

/// `2026-09-21 14:13:20`.
fn short(at: Timestamp) -> String {
    let (day, time) = day_and_time(at);
    format!("{day} {}", time.split('.').next().unwrap_or(&time))
}

/// The lines of a history, the latest first, by the day. How long after the line before something happened is not known of the last one.
fn days(lines: &[Happened]) -> Vec<Day> {
    let mut days: Vec<Day> = Vec::new();
    for (index, happened) in lines.iter().enumerate() {
        let (day, time) = day_and_time(happened.at);
        let before = lines.get(index + 1);
        let passed = before.map(|before| format!("+{}", exactly(happened.at.since(before.at))));
        let line = Line {
            exact: happened.at.to_string(),
            time,
            passed: passed.unwrap_or_default(),
            event: capitalised(&api::one_line(&happened.event).replace('_', " ")),
            detail: api::one_line(&happened.detail),
        };
        match days.last_mut().filter(|last| last.day == day) {
            Some(last) => last.lines.push(line),
            None => days.push(Day {
                day,
                lines: vec![line],
            }),
        }
    }
    days
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_is_told_by_the_day_with_the_time_between() {
        let happened = |at, event: &str| Happened {
            at: Timestamp(at),
            event: event.into(),
            detail: "for ann@example.com".into(),
        };
        let midnight = 1_790_035_200_000;
        let days = days(&[
            happened(midnight + 5_000, "room_created"),
            happened(midnight, "observed"),
            happened(midnight - 200, "delivery"),
        ]);
        assert_eq!(days.len(), 2);
        assert_eq!(days[0].day, "2026-09-22");
        let lines: Vec<_> = days.iter().flat_map(|day| &day.lines).collect();
        let told: Vec<_> = lines
            .iter()
            .map(|line| (line.passed.as_str(), line.event.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                ("+5.0 s", "Room created"),
                ("+0.2 s", "Observed"),
                ("", "Delivery")
            ]
        );
        assert_eq!(lines[0].detail, "for (address)");
    }
}

//! The sentence at the top, for each thing that can be the matter.

use super::*;
use crate::model::failure::Failure;
use crate::store::Words;

const NOW: Timestamp = Timestamp(1_790_000_000_123);

fn at(status: &str, reason: Option<&str>, count: u64) -> (Group, u64) {
    let words = Words {
        status: status.into(),
        reason: reason.map(Into::into),
    };
    (Group::At(words), count)
}

fn pause(lane: Lane, code: Code, ago: Duration) -> (Lane, Pause) {
    let pause = Pause {
        failure: Failure::new(code, "a detail"),
        since: NOW.minus(ago),
        until: NOW,
        failures: 1,
    };
    (lane, pause)
}

fn concern(subject: &str, code: Code) -> Concern {
    Concern {
        subject: subject.into(),
        failure: Failure::new(code, "it expires soon"),
        since: NOW.minus(Duration::from_hours(30)),
    }
}

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

/// What differs from a service at which all is well.
#[derive(Default)]
struct Case {
    unready: Option<&'static str>,
    pauses: Vec<(Lane, Pause)>,
    groups: Vec<(Group, u64)>,
    concerns: Vec<Concern>,
    progress: Progress,
    up: Duration,
    is_new: bool,
    is_private: bool,
}

impl Case {
    fn all(&self) -> Vec<Finding> {
        findings(&Situation {
            now: NOW,
            unready: self.unready,
            pauses: &self.pauses,
            groups: &self.groups,
            concerns: &self.concerns,
            progress: self.progress,
            rounds: Rounds {
                started: NOW.minus(self.up),
                sweep_every: 10 * MINUTE,
                audit_every: HOUR,
            },
            workspaces: &["Sales".to_owned()],
            is_begun: !self.is_new,
            has_public_url: !self.is_private,
        })
    }

    #[track_caller]
    fn says(&self, kind: Kind, tone: Tone, sentence: &str) {
        let all = self.all();
        let first = &all[0];
        assert_eq!(
            (first.kind, first.tone, first.sentence.as_str()),
            (kind, tone, sentence)
        );
        for finding in &all {
            assert!(finding.sentence.ends_with('.'), "{}", finding.sentence);
            let needs_advice = finding.tone <= Tone::Care;
            assert!(!needs_advice || !finding.advice.is_empty(), "{finding:?}");
        }
    }
}

#[test]
fn where_nothing_is_the_matter_it_says_how_far_it_is() {
    let new = Case {
        is_new: true,
        ..Case::default()
    };
    new.says(
        Kind::Beginning,
        Tone::Busy,
        "boardroom is reading which boards there are.",
    );
    let empty = Case::default();
    empty.says(Kind::Empty, Tone::Well, "All is ready for the first board.");
    assert!(empty.all()[0].advice[0].contains("workspace “Sales”"));
    let existed = Case {
        groups: vec![at("ignored", Some("existed_before"), 12)],
        ..Case::default()
    };
    existed.says(Kind::Empty, Tone::Well, "All is ready for the first board.");
    assert!(existed.all()[0].advice[1].starts_with("12 boards that existed before get no room"));
    let private = Case {
        is_private: true,
        ..Case::default()
    };
    private.says(Kind::Empty, Tone::Well, "All is ready for the first board.");
    assert_eq!(
        private.all()[1].sentence,
        "New boards are found by sweeps alone."
    );
}

#[test]
fn where_boards_are_on_their_way_it_says_how_many() {
    for (groups, tone, sentence) in [
        (
            vec![at("pending", None, 1)],
            Tone::Busy,
            "All is well: the first room is on its way.",
        ),
        (
            vec![at("mirrored", None, 1)],
            Tone::Well,
            "All is well: 1 board has its room.",
        ),
        (
            vec![
                at("mirrored", None, 100_000),
                at("mirrored", Some("drift"), 1),
            ],
            Tone::Well,
            "All is well: 100,001 boards have their rooms.",
        ),
        (
            vec![at("mirrored", None, 2), at("waiting", Some("grace"), 1)],
            Tone::Well,
            "All is well: 2 boards have their rooms, 1 is on the way.",
        ),
        (
            vec![
                at("mirrored", None, 2),
                at("pending", Some("trello_unavailable"), 3),
            ],
            Tone::Well,
            "All is well: 2 boards have their rooms, 3 are on the way.",
        ),
        (
            vec![at("mirrored", None, 2), at("dreaming", Some("of sheep"), 3)],
            Tone::Well,
            "All is well: 2 boards have their rooms.",
        ),
    ] {
        Case {
            groups,
            ..Case::default()
        }
        .says(Kind::Well, tone, sentence);
    }
}

#[test]
fn a_lane_that_is_closed_says_since_when_and_why_and_grows_worse() {
    let lane = |lane, code, ago| Case {
        pauses: vec![pause(lane, code, ago)],
        groups: vec![
            at("waiting", Some("docspace"), 7),
            at("waiting", Some("docspace.create"), 1),
            at("mirrored", None, 5),
        ],
        ..Case::default()
    };
    lane(Lane::DocSpace, Code::DocSpaceUnauthorized, MINUTE).says(
        Kind::ServicePaused,
        Tone::Care,
        "DocSpace is paused since 14:12: DocSpace refuses the API key. 7 boards wait.",
    );
    lane(Lane::DocSpace, Code::DocSpaceUnauthorized, HOUR).says(
        Kind::ServicePaused,
        Tone::Wrong,
        "DocSpace is paused since 13:13: DocSpace refuses the API key. 7 boards wait.",
    );
    lane(Lane::Trello, Code::TrelloUnreachable, 24 * HOUR).says(
        Kind::ServicePaused,
        Tone::Wrong,
        "Trello is paused since 2026-09-20 14:13: Trello cannot be reached.",
    );
    lane(Lane::Create, Code::DocSpaceQuotaFull, HOUR).says(Kind::CallsPaused, Tone::Wrong, "No new room is made since 13:13: The plan of this DocSpace has no room left. 1 board waits.");
}

#[test]
fn what_waits_for_a_person_comes_first_and_all_is_told() {
    let case = Case {
        unready: None,
        pauses: vec![
            pause(Lane::Trello, Code::TrelloUnavailable, MINUTE),
            pause(Lane::CreateBrake, Code::BrakeOn, HOUR),
            pause(Lane::ArchiveBrake, Code::BrakeOn, MINUTE),
        ],
        groups: vec![
            at("waiting", Some("brake"), 40),
            at("failed", Some("docspace_rejected"), 2),
            (Group::Twins, 1),
        ],
        concerns: vec![
            concern("the token", Code::TrelloTokenExpires),
            concern("A", Code::WebhookFailing),
            concern("B", Code::WebhookFailing),
            concern("C\u{202e}", Code::WebhookFailing),
            concern("D", Code::WebhookFailing),
        ],
        ..Case::default()
    };
    case.says(
        Kind::BrakeOn,
        Tone::Wrong,
        "The brake is on since 13:13: 40 boards wait for your word.",
    );
    let all = case.all();
    let said: Vec<_> = all
        .iter()
        .map(|finding| finding.sentence.as_str())
        .collect();
    assert_eq!(
        said[1..],
        [
            "2 boards failed.",
            "Trello is paused since 14:12: Trello answers with errors of its own.",
            "1 board has more than one room.",
            "The Trello token expires soon (since 2026-09-20 08:13).",
            "Trello reports that its deliveries fail (since 2026-09-20 08:13).",
        ]
    );
    let failing = &all[5].advice;
    assert_eq!(failing[2], "C : it expires soon.");
    assert_eq!(failing[3], "And 1 more.");

    let away = Case {
        unready: Some("the database does not answer"),
        ..case
    };
    away.says(
        Kind::NotStoring,
        Tone::Wrong,
        "No delivery can be stored: the database does not answer.",
    );
    let one = Case {
        groups: vec![at("failed", Some("docspace_rejected"), 1)],
        ..Case::default()
    };
    one.says(Kind::BoardsFailed, Tone::Wrong, "1 board failed.");
}

#[test]
fn a_brake_holds_boards_only_while_it_is_on() {
    let on = |lane| pause(lane, Code::BrakeOn, HOUR);
    let held = || vec![at("mirrored", None, 2), at("waiting", Some("brake"), 40)];
    let table = [
        (
            vec![on(Lane::ArchiveBrake)],
            held(),
            (Kind::BrakeOn, Tone::Wrong),
            "The brake is on since 13:13: 40 boards wait for your word.",
        ),
        (
            vec![on(Lane::CreateBrake)],
            vec![at("waiting", Some("brake"), 1)],
            (Kind::BrakeOn, Tone::Wrong),
            "The brake is on since 13:13: 1 board waits for your word.",
        ),
        (
            vec![on(Lane::CreateBrake)],
            Vec::new(),
            (Kind::BrakeOn, Tone::Wrong),
            "The brake is on since 13:13.",
        ),
        (
            Vec::new(),
            held(),
            (Kind::Well, Tone::Well),
            "All is well: 2 boards have their rooms, 40 are on the way.",
        ),
    ];
    for (pauses, groups, (kind, tone), sentence) in table {
        let case = Case {
            pauses,
            groups,
            ..Case::default()
        };
        case.says(kind, tone, sentence);
        let brakes = case.all();
        let brakes = brakes.iter().filter(|one| one.kind == Kind::BrakeOn);
        assert_eq!(brakes.count(), usize::from(kind == Kind::BrakeOn));
    }
}

#[test]
fn what_has_not_come_to_its_end_for_long_is_told_unless_something_else_says_why() {
    let ago = |span| Some(NOW.minus(span));
    let usual = Progress {
        due_since: ago(9 * MINUTE),
        swept_at: ago(39 * MINUTE),
        audited_at: ago(3 * HOUR),
        webhooks_at: None,
    };
    let case = |progress| Case {
        progress,
        up: 24 * HOUR,
        ..Case::default()
    };
    let kinds = |case: Case| -> Vec<_> { case.all().iter().map(|one| one.kind).collect() };
    assert_eq!(kinds(case(usual)), [Kind::Empty]);

    let unswept = || Progress {
        swept_at: ago(40 * MINUTE),
        ..usual
    };
    let sentence = "No sweep has come to its end since 13:33.";
    case(unswept()).says(Kind::SweepStale, Tone::Care, sentence);
    let alone = Case {
        is_private: true,
        ..case(unswept())
    };
    alone.says(Kind::SweepStale, Tone::Wrong, sentence);
    let unaudited = Progress {
        audited_at: ago(4 * HOUR),
        ..usual
    };
    let sentence = "The rooms have not been looked over since 10:13.";
    case(unaudited).says(Kind::AuditStale, Tone::Care, sentence);
    let slow = Progress {
        due_since: ago(10 * MINUTE),
        ..usual
    };
    let sentence = "Boards have been waiting to be looked at since 14:03.";
    case(slow).says(Kind::QueueSlow, Tone::Care, sentence);
    let nothing = Progress::default();
    let sentence = "No sweep has come to its end since the start at 2026-09-20 14:13.";
    case(nothing).says(Kind::SweepStale, Tone::Care, sentence);

    // It was not there to do it, or cannot.
    let begun = Case {
        up: MINUTE,
        ..case(nothing)
    };
    assert_eq!(kinds(begun), [Kind::Empty]);
    let paused = Case {
        pauses: vec![pause(Lane::Trello, Code::TrelloUnavailable, HOUR)],
        ..case(unswept())
    };
    assert_eq!(kinds(paused), [Kind::ServicePaused]);
    let away = Case {
        unready: Some("the database does not answer"),
        ..case(nothing)
    };
    assert_eq!(kinds(away), [Kind::NotStoring]);
}

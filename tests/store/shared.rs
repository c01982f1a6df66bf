//! What several services share: who leads, what that one has learnt, lanes and trials.

use std::sync::Arc;
use std::time::Duration;

use boardroom::model::failure::{Code, Failure};
use boardroom::model::id::ModelId;
use boardroom::model::lane::Lane;
use boardroom::model::status::Waiting;
use boardroom::model::time::Timestamp;
use boardroom::scope::{Known, Surroundings};
use boardroom::store::{Closing, Duty, Fact, Held, Learnt, News, Opened, Passage, Whose};

use crate::{Kept, LEASE, empty, workspace};

const UPKEEP: Duty = Duty::Upkeep;
/// A lease that has run out as soon as it is given.
const NONE: Duration = Duration::ZERO;
/// Closes an open lane for longer than a test runs.
pub(crate) const FOR_LONG: Closing = Closing {
    known: None,
    first: Duration::from_hours(1),
    again: Duration::from_hours(1),
    on_trial: false,
};
/// The same, so that it may be tried at once.
const FOR_A_MOMENT: Closing = Closing {
    known: None,
    first: NONE,
    again: NONE,
    on_trial: true,
};

impl Kept {
    async fn lead(&self, holder: &str, lease: Duration) -> Held {
        self.store.lead(UPKEEP, holder, lease).await.unwrap()
    }

    async fn announced(&self, holder: &str, news: News<'_>) -> Held {
        self.announce(holder, news).await.unwrap()
    }
}

fn full() -> Failure {
    Failure::new(Code::DocSpaceQuotaFull, "402")
}

#[tokio::test]
async fn one_at_a_time_leads_and_another_follows_when_the_lease_is_over_or_given_back() {
    let kept = empty().await;
    assert_eq!(kept.lead("a", LEASE).await, Held::Held);
    assert_eq!(kept.lead("b", LEASE).await, Held::Lost);
    assert_eq!(kept.lead("a", NONE).await, Held::Held, "it is prolonged");
    assert_eq!(kept.lead("b", LEASE).await, Held::Held, "it had run out");
    assert_eq!(kept.lead("a", LEASE).await, Held::Lost);
    kept.resign(UPKEEP, "a").await.unwrap();
    assert_eq!(
        kept.lead("a", LEASE).await,
        Held::Lost,
        "nobody gives back what another has"
    );
    kept.resign(UPKEEP, "b").await.unwrap();
    assert_eq!(kept.lead("a", LEASE).await, Held::Held);
    kept.hand_back(Whose::Holders("a")).await.unwrap();
    assert_eq!(
        kept.lead("b", LEASE).await,
        Held::Held,
        "a dead one's lease is nobody's"
    );
}

#[tokio::test]
async fn of_many_who_ask_at_once_one_leads() {
    let kept = empty().await;
    let store = kept.store.clone();
    let asked = (0..12).map(|number| {
        let store = store.clone();
        tokio::spawn(async move { store.lead(UPKEEP, &number.to_string(), LEASE).await })
    });
    let mut leaders = 0;
    for asked in asked.collect::<Vec<_>>() {
        leaders += usize::from(asked.await.unwrap().unwrap() == Held::Held);
    }
    assert_eq!(leaders, 1);
}

#[tokio::test]
async fn what_a_leader_has_learnt_counts_for_all_until_another_leads() {
    let kept = empty().await;
    assert_eq!(kept.learnt().await.unwrap(), Learnt::default());
    kept.lead("a", LEASE).await;
    for news in [News::Scope("{}"), News::Audited, News::WebhooksRead] {
        assert_eq!(kept.announced("a", news).await, Held::Held);
        assert_eq!(kept.announced("b", news).await, Held::Lost);
    }
    kept.earliest(Fact::Since, Timestamp(5)).await.unwrap();
    kept.take_in(workspace().into(), &[]).await.unwrap();
    kept.tell_of_roles().await.unwrap();
    kept.tell_of_roles().await.unwrap();
    kept.ask_for_sweep().await.unwrap();
    for _ in 0..3 {
        kept.ask_for_webhooks().await.unwrap();
    }
    let learnt = kept.learnt().await.unwrap();
    let baselines: Vec<ModelId> = vec![workspace().into()];
    assert!(learnt.audited.is_some_and(|age| age < LEASE), "{learnt:?}");
    assert_eq!(
        learnt,
        Learnt {
            scope: Some("{}".into()),
            since: Some(Timestamp(5)),
            baselines: baselines.clone(),
            audited: learnt.audited,
            webhooks_read: true,
            roles: 2,
            sweeps: 1,
            webhook_syncs: 3,
        }
    );
    // Of one whose lease is over nobody knows whether the database is still the one that it knew.
    kept.lead("a", NONE).await;
    let rest = Learnt {
        scope: None,
        audited: None,
        webhooks_read: false,
        ..learnt
    };
    assert_eq!(kept.learnt().await.unwrap(), rest);
    assert_eq!(kept.announced("a", News::Audited).await, Held::Lost);
    kept.lead("b", LEASE).await;
    assert_eq!(
        kept.learnt().await.unwrap(),
        rest,
        "the next one begins anew"
    );
    // Prolonged, it is still there.
    kept.announced("b", News::Audited).await;
    kept.lead("b", LEASE).await;
    assert!(kept.learnt().await.unwrap().audited.is_some());
}

#[tokio::test]
async fn what_one_writes_down_the_others_learn_and_are_told_of_once() {
    const SCOPE: &str = r#"{"member":{"id":"5b0000000000000000000009","username":"ann","inbox":null},"workspaces":[],"guests":[],"unknown":[]}"#;
    let kept = empty().await;
    let (leader, other) = (
        Surroundings::shared(kept.store.clone(), None),
        Surroundings::shared(kept.store.clone(), Some(Timestamp(7))),
    );
    other.refresh().await.unwrap();
    assert_eq!(
        other.now().since,
        Some(Timestamp(7)),
        "a person's word goes first"
    );
    assert_eq!(other.take_unsaid().come, [Waiting::Baseline]);
    kept.earliest(Fact::Since, Timestamp(5)).await.unwrap();
    kept.lead("a", LEASE).await;
    for news in [News::Scope(SCOPE), News::Audited, News::WebhooksRead] {
        assert_eq!(leader.announce("a", news).await.unwrap(), Held::Held);
        assert_eq!(leader.announce("b", news).await.unwrap(), Held::Lost);
    }
    assert_eq!(leader.now().since, Some(Timestamp(5)));
    other.refresh().await.unwrap();
    let unsaid = other.take_unsaid();
    assert_eq!(unsaid.come, [Waiting::Audit, Waiting::Baseline]);
    assert!(unsaid.webhooks_read);
    assert!(other.now().says_the_same_of_boards(&Known {
        since: Some(Timestamp(7)),
        ..leader.now()
    }));
    assert!(other.now().freshly_audited());
    other.refresh().await.unwrap();
    assert_eq!(other.take_unsaid().come, []);
    // What one has learnt in time is as true when another leads.
    kept.lead("a", NONE).await;
    kept.lead("b", LEASE).await;
    other.refresh().await.unwrap();
    assert!(other.now().freshly_audited());
    // But not when the database was out of sight: another one may have taken its place.
    kept.store.close().await;
    tokio::time::pause();
    assert!(other.refresh().await.is_err());
    assert!(other.now().audited.is_some());
    tokio::time::advance(LEASE).await;
    assert!(other.refresh().await.is_err());
    assert_eq!(other.now().audited, None);
    assert!(other.now().scope.is_some());
}

#[tokio::test]
async fn two_who_close_a_lane_at_once_close_it_once() {
    let kept = empty().await;
    let closed = kept.close_lane(Lane::Create, &full(), FOR_LONG).await;
    let closed = closed.unwrap().expect("it was open");
    assert_eq!(closed.failures, 1);
    assert_eq!(closed.until.since(closed.since), FOR_LONG.first);
    let other = Failure::new(Code::DocSpaceForbidden, "403");
    let second = kept.close_lane(Lane::Create, &other, FOR_LONG).await;
    assert_eq!(second.unwrap(), None);
    let paused = kept.lanes().await.unwrap();
    assert_eq!(paused.lanes, [(Lane::Create, closed.clone())]);
    assert!(paused.now >= closed.since && paused.now < closed.until);
    // Two who found it still closed: both knew it as it was.
    let again = Closing {
        known: Some((closed.since, 1)),
        ..FOR_LONG
    };
    let longer = kept.close_lane(Lane::Create, &other, again).await.unwrap();
    let longer = longer.unwrap();
    assert_eq!((longer.since, longer.failures), (closed.since, 2));
    assert_eq!(longer.failure, other);
    assert_eq!(
        kept.close_lane(Lane::Create, &other, again).await.unwrap(),
        None
    );
    assert_eq!(kept.open_lane(Lane::Create).await.unwrap(), Opened::Now);
    assert_eq!(kept.open_lane(Lane::Create).await.unwrap(), Opened::Before);
    assert!(kept.lanes().await.unwrap().lanes.is_empty());
    // It was opened meanwhile: then it is closed anew.
    let anew = kept.close_lane(Lane::Create, &other, again).await.unwrap();
    assert_eq!(anew.unwrap().failures, 1);
}

#[tokio::test]
async fn a_gate_on_trial_lets_one_board_through_whoever_looks_at_it() {
    let kept = empty().await;
    let passage = async |gate| kept.try_gate(gate, LEASE).await.unwrap();
    let begin = async |span| kept.put_on_trial(Lane::Create, span).await.unwrap();
    assert_eq!(passage(Lane::Create).await, Passage::Held, "it is open");
    kept.close_lane(Lane::Create, &full(), FOR_LONG)
        .await
        .unwrap();
    assert_eq!(begin(LEASE).await, Passage::Held, "its time has not come");
    kept.open_lane(Lane::Create).await.unwrap();
    kept.close_lane(Lane::Create, &full(), FOR_A_MOMENT)
        .await
        .unwrap();
    assert_eq!(passage(Lane::Create).await, Passage::Held);
    let closed = kept.lanes().await.unwrap().lanes;
    let again = Closing {
        known: Some((closed[0].1.since, 1)),
        ..FOR_A_MOMENT
    };
    let under_way = kept.close_lane(Lane::Create, &full(), again).await;
    assert_eq!(under_way.unwrap(), None, "nobody was let through yet");
    assert_eq!(begin(LEASE).await, Passage::Passed);
    assert_eq!(begin(LEASE).await, Passage::Held, "it is on trial already");
    let store = Arc::clone(&kept.store);
    let asked = (0..8).map(|_| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.try_gate(Lane::Create, LEASE).await })
    });
    let mut passed = 0;
    for asked in asked.collect::<Vec<_>>() {
        passed += usize::from(asked.await.unwrap().unwrap() == Passage::Passed);
    }
    assert_eq!(passed, 1);
    // It fails: the gate is closed for longer, and nobody is let through.
    let longer = kept.close_lane(Lane::Create, &full(), again).await;
    assert_eq!(longer.unwrap().unwrap().failures, 2);
    assert_eq!(passage(Lane::Create).await, Passage::Held);
    // The one who was let through never came to it: after the span another may.
    assert_eq!(begin(LEASE).await, Passage::Passed);
    assert_eq!(
        kept.try_gate(Lane::Create, NONE).await.unwrap(),
        Passage::Passed
    );
    assert_eq!(passage(Lane::Create).await, Passage::Passed);
    assert_eq!(begin(NONE).await, Passage::Held, "not before its moment");
}

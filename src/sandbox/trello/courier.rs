//! Deliveries: sending, repeating, losing, counting.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use reqwest::redirect::Policy;

use super::Trello;
use super::actions::{Action, Parcel, parcels};
use super::signature::sign;
use super::world::{TrelloWorld, Webhook};
use crate::sandbox::identity::{BoardId, WebhookId};
use crate::sandbox::service::pause;

/// What the log of deliveries keeps; the oldest settled ones are forgotten.
const KEPT: usize = 10_000;
/// Trello disables a webhook only when it has failed more often than this, for longer than `DISABLED_AFTER`.
const DISABLED_ABOVE: u32 = 1000;
const DISABLED_AFTER: Duration = Duration::from_hours(30 * 24);

/// One delivery of one action to one webhook, with all its attempts.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The action's id; the same for every webhook that gets it.
    pub action: String,
    /// The action's type.
    pub kind: String,
    /// The watched model.
    pub model: String,
    /// The webhook.
    pub webhook: WebhookId,
    /// Where it was sent.
    pub callback_url: String,
    /// The board that it is about.
    pub board: Option<BoardId>,
    /// The raw body.
    pub body: Arc<str>,
    /// The `X-Trello-Webhook` that went with it.
    pub signature: String,
    /// Every attempt so far.
    pub attempts: Vec<Attempt>,
    /// What became of it.
    pub outcome: Outcome,
    serial: u64,
}

/// One try to deliver.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The status; `None` when nobody answered in time.
    pub status: Option<u16>,
    /// From sending to the head of the answer.
    pub latency: Duration,
}

/// What became of a delivery.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Being sent, or waiting to be sent again.
    UnderWay,
    /// Answered with 2xx.
    Delivered,
    /// Answered with 410: Trello has deleted the webhook.
    Gone,
    /// Failed in every attempt; never sent again.
    GivenUp,
    /// Its webhook was deleted or paused meanwhile.
    Withdrawn,
    /// Never sent, because deliveries were switched off.
    Lost,
}

/// How deliveries are made, and their log.
#[derive(Debug)]
pub(super) struct Courier {
    /// Opens a connection per request, so that it never meets one that the receiver has closed meanwhile.
    pub(super) client: reqwest::Client,
    retries: Vec<Duration>,
    timeout: Duration,
    delay: Duration,
    copies: usize,
    lost: bool,
    under_way: usize,
    log: Vec<Delivery>,
    serial: u64,
}

impl Courier {
    pub(super) fn new() -> reqwest::Result<Self> {
        Ok(Self {
            client: sender()?,
            retries: [30, 60, 120].map(Duration::from_secs).to_vec(),
            timeout: Duration::from_secs(30),
            delay: Duration::ZERO,
            copies: 1,
            lost: false,
            under_way: 0,
            log: Vec::new(),
            serial: 0,
        })
    }

    fn enter(&mut self, parcel: &Parcel, secret: &str) -> u64 {
        if self.log.len() >= KEPT {
            self.log
                .retain(|delivery| delivery.outcome == Outcome::UnderWay);
        }
        self.serial += 1;
        self.under_way += usize::from(!self.lost);
        self.log.push(Delivery {
            action: parcel.action.clone(),
            kind: parcel.kind.to_owned(),
            model: parcel.webhook.id_model.clone(),
            webhook: parcel.webhook.id.clone(),
            callback_url: parcel.webhook.callback_url.clone(),
            board: parcel.board.clone(),
            signature: sign(secret, parcel.body.as_bytes(), &parcel.webhook.callback_url),
            body: parcel.body.clone(),
            attempts: Vec::new(),
            outcome: if self.lost {
                Outcome::Lost
            } else {
                Outcome::UnderWay
            },
            serial: self.serial,
        });
        self.serial
    }

    fn delivery(&mut self, serial: u64) -> Option<&mut Delivery> {
        self.log
            .iter_mut()
            .rev()
            .find(|delivery| delivery.serial == serial)
    }

    pub(super) fn equipment(&self) -> (reqwest::Client, Duration) {
        (self.client.clone(), self.timeout)
    }
}

/// Follows no redirect and knows no proxy, as Trello's sender on this side of loopback.
fn sender() -> reqwest::Result<reqwest::Client> {
    // Fails only when somebody has installed a provider already, which is as good.
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    reqwest::Client::builder()
        .user_agent("Trello")
        .redirect(Policy::none())
        .pool_max_idle_per_host(0)
        .no_proxy()
        .build()
}

impl Trello {
    /// Changes the state by an act of somebody, and delivers what follows from it.
    pub(super) fn act<T>(
        &self,
        change: impl FnOnce(&mut TrelloWorld, Timestamp) -> (T, Vec<Action>),
    ) -> T {
        let now = self.now();
        let (result, sent) = self.update(|world| {
            let (result, actions) = change(world, now);
            let parcels: Vec<Parcel> = actions
                .iter()
                .flat_map(|action| parcels(world, action))
                .collect();
            let secret = world.credentials.secret.clone();
            let courier = &mut world.courier;
            let mut sent = Vec::new();
            for parcel in &parcels {
                for _ in 0..courier.copies {
                    let serial = courier.enter(parcel, &secret);
                    if !courier.lost {
                        sent.push((serial, parcel.clone()));
                    }
                }
            }
            (result, sent)
        });
        for (serial, parcel) in sent {
            self.spawn(deliver(self.clone(), serial, parcel));
        }
        result
    }

    /// Every delivery so far, oldest first, those that were lost included.
    #[must_use]
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.world().courier.log.clone()
    }

    /// Waits until no delivery is under way; one that waits for its next attempt is.
    pub async fn deliveries_settled(&self) {
        self.until(|trello| trello.world().courier.under_way == 0)
            .await;
    }

    /// Sets the waits before the second and every later attempt; 30, 60 and 120 s on the real one.
    pub fn set_delivery_retries(&self, waits: &[Duration]) {
        self.update(|world| world.courier.retries = waits.to_vec());
    }

    /// Sets how long an attempt waits for its answer (30 s).
    pub fn set_delivery_timeout(&self, timeout: Duration) {
        self.update(|world| world.courier.timeout = timeout);
    }

    /// Sets how long every delivery is under way before its first attempt.
    pub fn set_delivery_delay(&self, delay: Duration) {
        self.update(|world| world.courier.delay = delay);
    }

    /// Sends every delivery so many times; 1 is usual, 0 is none.
    pub fn set_delivery_copies(&self, copies: usize) {
        self.update(|world| world.courier.copies = copies);
    }

    /// Loses every delivery from now on: it is logged as [`Outcome::Lost`] and never sent.
    pub fn lose_deliveries(&self) {
        self.update(|world| world.courier.lost = true);
    }

    /// Delivers again what happens from now on.
    pub fn resume_deliveries(&self) {
        self.update(|world| world.courier.lost = false);
    }

    fn deliverable(&self, webhook: &WebhookId) -> bool {
        let world = self.world();
        world
            .webhooks
            .iter()
            .any(|other| other.id == *webhook && other.active)
    }

    fn settle(&self, serial: u64, outcome: Outcome) {
        self.update(|world| {
            world.courier.under_way -= 1;
            if let Some(delivery) = world.courier.delivery(serial) {
                delivery.outcome = outcome;
            }
        });
    }

    fn note(&self, serial: u64, webhook: &WebhookId, attempt: Attempt) {
        let now = self.now();
        self.update(|world| {
            let status = attempt.status;
            if let Some(delivery) = world.courier.delivery(serial) {
                delivery.attempts.push(attempt);
            }
            if status == Some(410) {
                world.webhooks.retain(|other| other.id != *webhook);
            } else if let Some(webhook) =
                world.webhooks.iter_mut().find(|other| other.id == *webhook)
            {
                count(
                    webhook,
                    status.is_some_and(|status| (200..300).contains(&status)),
                    now,
                );
            }
        });
    }
}

/// One success resets both figures; nobody is told when a webhook is disabled.
fn count(webhook: &mut Webhook, success: bool, now: Timestamp) {
    if success {
        webhook.consecutive_failures = 0;
        webhook.first_consecutive_fail_date = None;
        return;
    }
    webhook.consecutive_failures += 1;
    let first = *webhook.first_consecutive_fail_date.get_or_insert(now);
    let failing = Duration::try_from(now.duration_since(first)).unwrap_or_default();
    if webhook.consecutive_failures > DISABLED_ABOVE && failing > DISABLED_AFTER {
        webhook.active = false;
    }
}

async fn deliver(trello: Trello, serial: u64, parcel: Parcel) {
    let (delay, mut waits) = {
        let world = trello.world();
        (
            world.courier.delay,
            world.courier.retries.clone().into_iter(),
        )
    };
    pause(delay).await;
    loop {
        if !trello.deliverable(&parcel.webhook.id) {
            return trello.settle(serial, Outcome::Withdrawn);
        }
        let signature = sign(
            &trello.secret(),
            parcel.body.as_bytes(),
            &parcel.webhook.callback_url,
        );
        let started = Instant::now();
        let status = attempt(&trello, &parcel, &signature).await;
        let latency = started.elapsed();
        trello.note(serial, &parcel.webhook.id, Attempt { status, latency });
        match status {
            Some(200..300) => return trello.settle(serial, Outcome::Delivered),
            Some(410) => return trello.settle(serial, Outcome::Gone),
            _ => {}
        }
        match waits.next() {
            Some(wait) => pause(wait).await,
            None => return trello.settle(serial, Outcome::GivenUp),
        }
    }
}

async fn attempt(trello: &Trello, parcel: &Parcel, signature: &str) -> Option<u16> {
    let (client, timeout) = trello.world().courier.equipment();
    let answer = client
        .post(&parcel.webhook.callback_url)
        .timeout(timeout)
        .header("Content-Type", "application/json")
        .header("X-Trello-Webhook", signature)
        .body(parcel.body.to_string())
        .send()
        .await
        .ok()?;
    Some(answer.status().as_u16())
}

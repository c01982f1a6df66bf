//! The budget as several services share it, by the store's own rules and in simulated time: with answers that come late or never, and
//! services that die with what they hold.

use std::sync::Mutex;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::*;
use crate::model::time::Timestamp;
use crate::store::budget::{Before, Entry, decide};

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// What services share, and what Trello saw.
struct World {
    start: Instant,
    terms: Terms,
    /// Whether answers come late or get lost now and then.
    mishaps: bool,
    chance: Mutex<fastrand::Rng>,
    /// With when they are free.
    entries: Mutex<Vec<(u64, Entry)>>,
    arrivals: Mutex<Vec<Duration>>,
    /// How long services waited for answers.
    waited: Mutex<Duration>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut chance = fastrand::Rng::with_seed(seed);
        let terms = Terms {
            limit: chance.u32(1..40),
            per: ms(chance.u64(1_000..12_000)),
            life: trello::LEASE_LIFE,
            longest: ms(chance.u64(1..4_000)),
        };
        Self {
            start: Instant::now(),
            terms,
            mishaps: true,
            chance: Mutex::new(chance),
            entries: Mutex::default(),
            arrivals: Mutex::default(),
            waited: Mutex::default(),
        }
    }

    /// The usual limit, and a store that can be relied on.
    fn calm() -> Arc<Self> {
        let world = Self::new(1);
        Arc::new(Self {
            terms: Terms {
                limit: 81,
                per: ms(10_000),
                longest: ms(300),
                ..world.terms
            },
            mishaps: false,
            ..world
        })
    }

    fn chance(&self, below: u64) -> u64 {
        self.chance.lock().unwrap().u64(0..below)
    }

    async fn answer_takes(&self, most: u64) {
        let span = ms(self.chance(most));
        *self.waited.lock().unwrap() += span;
        sleep(span).await;
    }

    fn exchange(&self, account: &Account<'_>) -> trello::Leased {
        let now = u64::try_from(self.start.elapsed().as_millis()).unwrap();
        let mut entries = self.entries.lock().unwrap();
        entries.retain(|(free, _)| *free > now);
        let is_own = |entry: &Entry| entry.holder.as_deref() == Some(account.holder);
        let own: Vec<_> = entries.extract_if(.., |(_, entry)| is_own(entry)).collect();
        let before = Before {
            held: own.iter().map(|(_, entry)| entry.permits).sum(),
            since: own.iter().find_map(|(_, entry)| entry.since),
        };
        let others = entries.iter().map(|(free, entry)| Entry {
            free: ms(free - now),
            ..entry.clone()
        });
        let (leased, kept) = decide(account, before, &others.collect::<Vec<_>>(), &self.terms);
        for mut entry in kept {
            if entry.need.is_some() {
                entry.since = entry.since.or(Some(Timestamp(now.try_into().unwrap())));
            }
            let free = u64::try_from(entry.free.as_millis()).unwrap();
            entries.push((now + free, entry));
        }
        trello::Leased {
            granted: leased.granted,
            kept: leased.kept,
            again: leased.again,
            left: leased.left,
        }
    }
}

/// A service: what carries its permits, and its requests. Dropping it kills it.
struct Service {
    budget: Budget,
    _carrier: JoinSet<()>,
    requests: JoinSet<()>,
}

impl Service {
    fn start(world: &Arc<World>, name: u64) -> Self {
        let budget = Budget::new(world.terms.limit, world.terms.per);
        budget.share();
        let mut carrier = JoinSet::new();
        carrier.spawn(carry(world.clone(), budget.clone(), name.to_string()));
        Self {
            budget,
            _carrier: carrier,
            requests: JoinSet::new(),
        }
    }

    fn ask(&mut self, world: &Arc<World>) {
        let (world, budget) = (world.clone(), self.budget.clone());
        self.requests.spawn(async move {
            let permit = budget.permit().await;
            let longest = u64::try_from(world.terms.longest.as_millis()).unwrap();
            let arrives = world.chance(longest + 1);
            sleep(ms(arrives)).await;
            world.arrivals.lock().unwrap().push(world.start.elapsed());
            sleep(ms(world.chance(longest + 1 - arrives))).await;
            drop(permit);
        });
    }
}

async fn carry(world: Arc<World>, budget: Budget, holder: String) {
    loop {
        let exchange = budget.exchange().await;
        let account = Account {
            holder: &holder,
            held: exchange.held,
            ended: &exchange.ended,
            need: exchange.need,
            want: exchange.want,
        };
        world.answer_takes(20).await;
        let mishap = if world.mishaps {
            world.chance(200)
        } else {
            200
        };
        if mishap >= 5 {
            let leased = world.exchange(&account);
            // The answer is late, far too late now and then, or does not come.
            let late = if mishap == 5 { 60_000 } else { 20 };
            world.answer_takes(late).await;
            if mishap >= 10 || mishap == 5 {
                budget.leased(&exchange, leased);
                continue;
            }
        }
        world.answer_takes(500).await;
    }
}

#[tokio::test(start_paused = true)]
async fn however_many_share_it_and_whatever_befalls_them_no_span_sees_more_than_allowed() {
    for seed in 0..40 {
        let world = Arc::new(World::new(seed));
        let Terms { limit, per, .. } = world.terms;
        let mut services: Vec<_> = (0..=world.chance(4))
            .map(|name| Service::start(&world, name))
            .collect();
        let (mut asked, mut deaths) = (0, 0);
        for step in 0..40 {
            let whose = usize::try_from(world.chance(services.len() as u64)).unwrap();
            if world.chance(8) == 0 {
                deaths += 1;
                services[whose] = Service::start(&world, 100 + step);
            }
            for _ in 0..world.chance(u64::from(limit) + 1) {
                asked += 1;
                services[whose].ask(&world);
            }
            sleep(ms(world.chance(3_000))).await;
        }
        for service in services {
            let served = timeout(Duration::from_hours(1), service.requests.join_all()).await;
            assert!(served.is_ok(), "seed {seed}: some wait for ever");
        }
        // A round of the whole limit takes no longer than this; the dead cost some, and so do answers that were waited for.
        let round = per + world.terms.longest + ms(1_000);
        let lost = (trello::LEASE_LIFE + round) * deaths + *world.waited.lock().unwrap();
        let bound = round * (asked / limit + 2) + lost + ms(60_000);
        let took = world.start.elapsed();
        assert!(took < bound, "seed {seed}: {took:?} for {asked} of {limit}");
        let mut arrivals = world.arrivals.lock().unwrap().clone();
        arrivals.sort();
        for window in arrivals.windows(limit as usize + 1) {
            let span = window[limit as usize].saturating_sub(window[0]);
            assert!(span >= per, "seed {seed}: {} in {span:?}", limit + 1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_wants_little_is_not_starved_by_who_wants_all() {
    let world = World::calm();
    let mut greedy = Service::start(&world, 1);
    for _ in 0..1_000 {
        greedy.ask(&world);
    }
    sleep(ms(1_000)).await;
    let mut modest = Service::start(&world, 2);
    for _ in 0..3 {
        let asked = Instant::now();
        modest.ask(&world);
        modest.requests.join_next().await.unwrap().unwrap();
        assert!(asked.elapsed() < ms(13_000), "{:?}", asked.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn alone_a_service_is_as_fast_as_with_a_budget_of_its_own() {
    let world = World::calm();
    let mut service = Service::start(&world, 1);
    for _ in 0..81 * 5 {
        service.ask(&world);
    }
    service.requests.join_all().await;
    let took = world.start.elapsed();
    // Four times the span, and what the requests themselves take.
    assert!(took < ms(40_000) + ms(300) * 5 + ms(1_500), "{took:?}");
}

//! When a process sees whoever leases permits, what it tells and wants, and what it may use: moment by moment.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn granted(granted: u32) -> Leased {
    Leased {
        granted,
        kept: true,
        again: SECOND,
        left: 40,
    }
}

/// A ledger of 81 requests in 10 seconds that shares them.
fn shared() -> (Ledger, Instant) {
    let mut ledger = Ledger::new(81, SECOND * 10);
    ledger.share();
    (ledger, Instant::now())
}

impl Ledger {
    fn wait_for(&mut self, requests: u32) {
        for _ in 0..requests {
            self.wait();
        }
    }

    /// Begins so many requests that waited.
    fn begin_all(&mut self, requests: u32, now: Instant) {
        for _ in 0..requests {
            assert_eq!(self.begin(now), Turn::Now);
            self.wait_no_more();
        }
    }
}

#[test]
fn a_burst_takes_a_third_at_a_time_at_once() {
    let (mut ledger, now) = shared();
    ledger.wait_for(200);
    for left in [200, 173, 146] {
        assert_eq!(ledger.waiting, left);
        assert_eq!(ledger.due(now), Some(now));
        let exchange = ledger.exchange(now);
        assert_eq!((exchange.need, exchange.want), (27, 27));
        ledger.leased(&exchange, granted(27), now);
        ledger.begin_all(27, now);
        assert_ne!(ledger.begin(now), Turn::Now);
    }
    assert_eq!(ledger.due(now), None, "there is no slot for more");
    let ended = now + SECOND;
    ledger.end(ended);
    let told = ledger.due(ended).unwrap();
    assert_eq!(told, ended + Duration::from_millis(250));
    let exchange = ledger.exchange(told);
    assert_eq!(exchange.ended, [(1, Duration::from_millis(250))]);
    assert_eq!((exchange.held, exchange.want), (80, 0));
    ledger.leased(&exchange, granted(0), told);
    assert_eq!(ledger.due(told), Some(ended + SECOND * 10));
}

#[test]
fn what_is_lacking_is_asked_for_again_when_there_may_be_some() {
    let ms = Duration::from_millis;
    for (given, again, wait) in [
        (27, SECOND, Duration::ZERO),
        (5, SECOND, SECOND),
        (5, ms(3), ms(100)),
        (0, ms(3), ms(100)),
        (0, ms(700), ms(700)),
        (0, SECOND * 30, SECOND),
    ] {
        let (mut ledger, now) = shared();
        ledger.wait_for(20);
        let exchange = ledger.exchange(now);
        assert_eq!((exchange.need, exchange.want), (20, 27));
        let answer = Leased {
            again,
            ..granted(given)
        };
        ledger.leased(&exchange, answer, now);
        ledger.wait_for(20);
        assert_eq!(ledger.due(now), Some(now + wait), "{given} {again:?}");
    }
}

#[test]
fn what_was_leased_too_long_ago_is_not_used() {
    let (mut ledger, asked) = shared();
    ledger.wait_for(2);
    let exchange = ledger.exchange(asked);
    // The answer took its time.
    let now = asked + SECOND;
    ledger.leased(&exchange, granted(11), now);
    ledger.begin_all(1, now);
    let woken = asked + LEASE_LIFE;
    assert_eq!(ledger.begin(woken - SECOND / 1000), Turn::Now);
    assert_eq!(ledger.begin(woken), Turn::Later);
    assert!(ledger.due(woken).is_some_and(|due| due <= woken), "overdue");
    let exchange = ledger.exchange(woken);
    assert_eq!(exchange.held, 2, "only what is under way is kept");
    let lost = Leased {
        kept: false,
        ..granted(3)
    };
    ledger.leased(&exchange, lost, woken);
    assert_eq!(ledger.reserve(woken), 3);
    // An answer that took longer than what it brings may be used.
    let exchange = ledger.exchange(woken);
    let late = woken + LEASE_LIFE;
    ledger.leased(&exchange, granted(9), late);
    assert_eq!(ledger.begin(late), Turn::Later);
}

#[test]
fn who_lost_what_it_kept_uses_none_of_it() {
    let (mut ledger, now) = shared();
    ledger.wait_for(1);
    let exchange = ledger.exchange(now);
    ledger.leased(&exchange, granted(10), now);
    let exchange = ledger.exchange(now);
    assert_eq!(exchange.held, 10);
    let lost = Leased {
        kept: false,
        ..granted(0)
    };
    ledger.leased(&exchange, lost, now);
    assert_eq!(ledger.begin(now), Turn::Later);
}

#[test]
fn what_is_kept_is_renewed_while_requests_come() {
    let (mut ledger, start) = shared();
    ledger.wait_for(1);
    let exchange = ledger.exchange(start);
    ledger.leased(&exchange, granted(10), start);
    ledger.begin_all(1, start);
    let second = start + SECOND * 9 / 10;
    ledger.wait_for(1);
    ledger.begin_all(1, second);
    assert_eq!(ledger.due(second), Some(second + SECOND), "idle by then");
    let third = second + SECOND * 9 / 10;
    ledger.wait_for(1);
    ledger.begin_all(1, third);
    assert_eq!(ledger.due(third), Some(start + LEASE_LIFE / 2));
    let exchange = ledger.exchange(start + LEASE_LIFE / 2);
    assert_eq!((exchange.held, exchange.want), (10, 0));
}

#[test]
fn what_got_no_answer_is_told_anew() {
    let (mut ledger, start) = shared();
    ledger.wait_for(3);
    let exchange = ledger.exchange(start);
    ledger.leased(&exchange, granted(3), start);
    ledger.begin_all(3, start);
    ledger.end(start);
    let now = start + SECOND * 2;
    let unanswered = ledger.exchange(now);
    assert_eq!(unanswered.ended, [(1, SECOND * 2)]);
    ledger.end(now);
    assert!(ledger.due(now).is_some_and(|due| due <= now), "overdue");
    let later = now + SECOND;
    let anew = ledger.exchange(later);
    assert_eq!(anew.ended, [(1, SECOND), (1, SECOND * 3)]);
    assert_eq!(anew.held, 1);
    ledger.leased(&anew, granted(0), later);
    assert_eq!(ledger.due(later), None);
    ledger.end(later);
    let last = ledger.end_sharing(later).unwrap();
    assert_eq!((last.held, last.ended), (0, vec![(1, Duration::ZERO)]));
    assert_eq!(ledger.due(later), None, "it is over");
}

#[test]
fn a_place_among_those_who_wait_is_given_up_with_the_request() {
    let (mut ledger, now) = shared();
    ledger.wait_for(1);
    let exchange = ledger.exchange(now);
    ledger.leased(&exchange, granted(0), now);
    assert_eq!(ledger.due(now), Some(now + SECOND));
    ledger.wait_no_more();
    assert_eq!(ledger.due(now), Some(now));
    let exchange = ledger.exchange(now);
    assert_eq!((exchange.need, exchange.want), (0, 0));
    ledger.leased(&exchange, granted(0), now);
    assert_eq!(ledger.due(now), None);
}

#[test]
fn small_budgets_are_shared_as_well() {
    for count in 1..10 {
        let (mut ledger, start) = (Ledger::new(count, SECOND), Instant::now());
        ledger.share();
        ledger.wait_for(30);
        let (mut now, mut begun) = (start, 0);
        while begun < count {
            now = ledger.due(now).unwrap().max(now);
            let exchange = ledger.exchange(now);
            assert!((1..=count.div_ceil(3)).contains(&exchange.want));
            ledger.leased(&exchange, granted(exchange.want), now);
            ledger.begin_all(exchange.want, now);
            begun += exchange.want;
        }
        assert!(now <= start + SECOND / 20, "{count} took {:?}", now - start);
        assert_eq!(ledger.due(now), None, "there is no slot for more");
    }
}

#[test]
fn what_is_left_is_what_nobody_has() {
    let (mut ledger, now) = shared();
    assert_eq!(ledger.left(now), (81, 81));
    ledger.wait_for(1);
    let exchange = ledger.exchange(now);
    ledger.leased(&exchange, granted(10), now);
    assert_eq!(ledger.left(now), (50, 81), "40, and what is leased");
    ledger.begin_all(1, now);
    assert_eq!(ledger.left(now), (49, 81));
    let later = now + SECOND * 10;
    assert_eq!(ledger.left(later), (80, 81), "that was told long ago");
}

//! Sessions: signed cookies that carry their end. Nothing is kept of those that are open, so they survive a restart, count on every service
//! with the same token, and no number of them costs anything. Another token ends them all.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::model::time::{Timestamp, milliseconds};

/// How long a session lasts: a day at work.
pub(super) const LIFE: Duration = Duration::from_hours(12);
/// The most sessions that are remembered as ended. One more forgets the one that would have ended first.
const MOST_ENDED: usize = 10_000;
/// What the key of sessions is for, so that it is not the token's own hash.
const PURPOSE: &[u8] = b"boardroom admin session 1";
/// What distinguishes cookies of several installations on one host: to a browser ports are no difference.
const COOKIE: &[u8] = b"boardroom admin cookie 1";
/// Of the number that names a session.
const NAME: usize = 16;
const END: usize = 8;
const MAC: usize = 32;

/// When a session ends, and the number of chance that names it.
type Session = (Timestamp, [u8; NAME]);

/// Begins, checks and ends sessions. Clones share what has ended.
#[derive(Clone)]
pub(super) struct Sessions {
    key: Hmac<Sha256>,
    /// What the cookie is called: the same for all services with one token.
    pub(super) cookie: String,
    /// Those that were ended before their time, with the end that they would have had.
    ended: Arc<Mutex<BTreeSet<Session>>>,
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sessions")
    }
}

impl Sessions {
    pub(super) fn of(token: &[u8]) -> Self {
        let mut derive = mac(token);
        derive.update(PURPOSE);
        let mut name = mac(token);
        name.update(COOKIE);
        let name = name.finalize().into_bytes();
        Self {
            cookie: format!("boardroom_{}", URL_SAFE_NO_PAD.encode(&name[..6])),
            key: mac(&derive.finalize().into_bytes()),
            ended: Arc::default(),
        }
    }

    /// The value of the cookie of a new session. None when the system has no random numbers.
    pub(super) fn begin(&self, now: Timestamp) -> Option<String> {
        let mut name = [0; NAME];
        getrandom::fill(&mut name).ok()?;
        let mut value = Vec::with_capacity(END + NAME + MAC);
        value.extend((now.0 + milliseconds(LIFE)).to_be_bytes());
        value.extend(name);
        let mut sign = self.key.clone();
        sign.update(&value);
        value.extend(sign.finalize().into_bytes());
        Some(URL_SAFE_NO_PAD.encode(value))
    }

    /// Whether this is the cookie of a session that goes on.
    pub(super) fn goes_on(&self, value: &str, now: Timestamp) -> bool {
        let Some(session) = self.read(value) else {
            return false;
        };
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        session.0 > now && !ended.contains(&session)
    }

    /// Ends a session before its time, for this process: others know only that its browser has forgotten it.
    pub(super) fn end(&self, value: &str, now: Timestamp) {
        let Some(session) = self.read(value) else {
            return;
        };
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        ended.insert(session);
        let is_over = |first: Option<&(Timestamp, _)>| first.is_some_and(|(end, _)| *end <= now);
        while ended.len() > MOST_ENDED || is_over(ended.first()) {
            ended.pop_first();
        }
    }

    /// The session of a cookie, if we have made it.
    fn read(&self, value: &str) -> Option<Session> {
        let bytes = URL_SAFE_NO_PAD.decode(value).ok()?;
        let (said, signature) = bytes.split_at_checked(END + NAME)?;
        let mut check = self.key.clone();
        check.update(said);
        // In constant time.
        check.verify_slice(signature).ok()?;
        let (end, name) = said.split_at(END);
        let end = i64::from_be_bytes(end.try_into().ok()?);
        Some((Timestamp(end), name.try_into().ok()?))
    }
}

pub(super) fn mac(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000);

    #[test]
    fn a_session_lasts_twelve_hours_and_survives_a_restart() {
        let value = Sessions::of(b"token").begin(NOW).unwrap();
        let after_restart = Sessions::of(b"token");
        let just_before = NOW.plus(LIFE).minus(Duration::from_millis(1));
        assert!(after_restart.goes_on(&value, NOW));
        assert!(after_restart.goes_on(&value, just_before));
        assert!(!after_restart.goes_on(&value, NOW.plus(LIFE)));
        assert!(!Sessions::of(b"another token").goes_on(&value, NOW));
    }

    #[test]
    fn nobody_makes_a_session_or_prolongs_one() {
        let sessions = Sessions::of(b"token");
        let value = sessions.begin(NOW).unwrap();
        assert_ne!(value, sessions.begin(NOW).unwrap());
        let bytes = URL_SAFE_NO_PAD.decode(&value).unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(!sessions.goes_on(&URL_SAFE_NO_PAD.encode(changed), NOW));
        }
        for wrong in ["", "x", "AAAA", &value[1..], &format!("{value}A")] {
            assert!(!sessions.goes_on(wrong, NOW), "{wrong}");
        }
    }

    #[test]
    fn an_ended_session_is_over_and_what_is_remembered_of_them_is_bounded() {
        let sessions = Sessions::of(b"token");
        let value = sessions.begin(NOW).unwrap();
        sessions.end(&value, NOW);
        assert!(!sessions.goes_on(&value, NOW));
        for _ in 0..MOST_ENDED + 5 {
            sessions.end(&sessions.begin(NOW.plus(LIFE)).unwrap(), NOW);
        }
        assert_eq!(sessions.ended.lock().unwrap().len(), MOST_ENDED);
        sessions.end(&value, NOW.plus(LIFE).plus(LIFE));
        assert!(
            sessions.ended.lock().unwrap().is_empty(),
            "all are over anyway"
        );
    }
}

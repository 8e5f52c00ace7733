//! Which worker has a session: the least loaded when its first port opens, and that one until its last port closes.

use crate::error::CoreError;
use crate::id::{IdMap, SessionId};
use crate::overload::{Load, Stage};

/// Loads within a twentieth of a core count as equal: then the worker with fewer sessions is taken, so that a burst of
/// new ones, which no load shows yet, is spread.
const STEP: f64 = 0.05;

#[derive(Clone, Copy, Debug)]
struct Seat {
    worker: usize,
    ports: usize,
}

#[derive(Debug, Default)]
pub struct Placement {
    seats: IdMap<SessionId, Seat>,
}

impl Placement {
    /// Count one more port of a session; the worker it goes to. A new session is refused where all are overloaded.
    pub fn take(&mut self, session: SessionId, loads: &[&Load]) -> Result<usize, CoreError> {
        if let Some(seat) = self.seats.get_mut(&session) {
            seat.ports += 1;
            return Ok(seat.worker);
        }
        let worker = self.choose(loads)?;
        self.seats.insert(session, Seat { worker, ports: 1 });
        Ok(worker)
    }

    fn choose(&self, loads: &[&Load]) -> Result<usize, CoreError> {
        if loads.is_empty() {
            return Err(CoreError::Stopped);
        }
        let sessions = self.sessions(loads.len());
        (0..loads.len())
            .filter(|&worker| loads[worker].stage() == Stage::Calm)
            .min_by_key(|&worker| ((loads[worker].busy() / STEP) as u32, sessions[worker]))
            .ok_or(CoreError::Overloaded)
    }

    /// Of each worker.
    pub fn sessions(&self, workers: usize) -> Vec<usize> {
        let mut sessions = vec![0; workers];
        for seat in self.seats.values() {
            sessions[seat.worker] += 1;
        }
        sessions
    }

    /// A port of the session is closed, or was never opened; the last one gives up the seat.
    pub fn release(&mut self, session: SessionId) {
        let Some(seat) = self.seats.get_mut(&session) else {
            return;
        };
        seat.ports -= 1;
        if seat.ports == 0 {
            self.seats.remove(&session);
        }
    }

    pub fn worker(&self, session: SessionId) -> Option<usize> {
        self.seats.get(&session).map(|seat| seat.worker)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(busy: f64, stage: Stage) -> Load {
        let load = Load::default();
        (0..60).for_each(|_| load.publish(busy, stage));
        load
    }

    #[test]
    fn a_session_stays_where_its_first_port_went_until_the_last_is_closed() {
        let (idle, busy) = (load(0.0, Stage::Calm), load(0.5, Stage::Calm));
        let (mut placement, session) = (Placement::default(), SessionId(7));
        assert_eq!(placement.take(session, &[&busy, &idle]).unwrap(), 1);
        assert_eq!(placement.take(session, &[&idle, &busy]).unwrap(), 1);
        placement.release(session);
        assert_eq!(placement.worker(session), Some(1));
        placement.release(session);
        assert_eq!(placement.worker(session), None);
        assert_eq!(placement.take(session, &[&idle, &busy]).unwrap(), 0);
    }

    #[test]
    fn a_burst_of_sessions_is_spread_before_any_load_shows_it() {
        let loads = [load(0.21, Stage::Calm), load(0.23, Stage::Calm)];
        let mut placement = Placement::default();
        for session in 0..100 {
            let taken = placement.take(SessionId(session), &[&loads[0], &loads[1]]);
            assert!(taken.is_ok());
        }
        assert_eq!(placement.sessions(2), [50, 50]);
    }

    #[test]
    fn overload_refuses_new_sessions_and_lets_the_others_go_on() {
        let (calm, strained) = (load(0.1, Stage::Calm), load(0.1, Stage::Refusing));
        let mut placement = Placement::default();
        assert_eq!(
            placement.take(SessionId(1), &[&strained, &calm]).unwrap(),
            1
        );
        let refused = placement.take(SessionId(2), &[&strained, &strained]);
        assert!(matches!(refused, Err(CoreError::Overloaded)));
        assert_eq!(placement.worker(SessionId(2)), None);
        assert!(placement
            .take(SessionId(1), &[&strained, &strained])
            .is_ok());
    }
}

//! Who sends of which bus, and a bus's turn of the wheel.

use super::handover::hand_over;
use super::Worker;
use crate::bus::{column, Bus, Form, Origin, Wait};
use crate::clock::Nanos;
use crate::codec::Rate;
use crate::id::{BusId, IdMap, PortId, TrackId};
use crate::io::MediaIo;
use crate::matrix::Crosspoint;
use crate::port::Port;
use crate::sum::Sum;
use crate::track::Track;
use crate::wheel::{set_member, Wheel};

#[derive(Default)]
pub(super) struct Buses {
    by_id: IdMap<BusId, Box<Bus>>,
    newest: u64,
    /// Those that settled within a tick.
    pub settled: Vec<BusId>,
}

impl Buses {
    pub fn get(&self, id: BusId) -> Option<&Bus> {
        self.by_id.get(&id).map(Box::as_ref)
    }

    fn add(&mut self, bus: Bus) -> BusId {
        self.newest += 1;
        let id = BusId(self.newest);
        self.by_id.insert(id, Box::new(bus));
        id
    }
}

/// So many buses of one sum are worth making it.
const SUM_FOR: usize = 3;

fn is_for(sum: &Sum, bus: &Bus) -> bool {
    bus.base()
        .is_some_and(|base| sum.is_of(bus.form().rate, base))
}

/// A track's frame, and whether it is among the chosen.
fn said(tracks: &IdMap<TrackId, Track>, track: TrackId, rate: Rate) -> Option<(&[i16], bool)> {
    let track = tracks.get(&track)?;
    Some((track.frames.as_ref()?.at(rate), track.is_chosen))
}

impl Worker {
    /// Let a port send these voices in this form; `relayed`: the one that it sent until now and that goes on.
    pub(super) fn board(
        &mut self,
        id: PortId,
        form: Form,
        voices: &[(TrackId, f32)],
        relayed: Option<TrackId>,
        now: Nanos,
    ) {
        let Some(port) = self.ports.get_mut(&id) else {
            return;
        };
        let slot = Wheel::slot_of(port.session);
        let out = port.audio_out();
        let ended = relayed.zip(out.as_deref());
        let ended = ended.map_or((None, None), |(source, out)| out.relayed(source));
        let current = port.audio_out().and_then(|out| out.bus());
        let known = current.and_then(|bus| Some((bus, self.buses.get(bus)?)));
        let column = column(voices);
        if known.is_some_and(|(_, bus)| bus.carries(form, &column)) {
            return;
        }
        if let Some((id, _)) = known {
            self.recall(id, slot);
        }
        let known = current.and_then(|bus| Some((bus, self.buses.get(bus)?)));
        let known = known.filter(|(_, bus)| bus.leads_to(form));
        let origin = match known {
            Some((id, bus)) => bus.heard(id),
            None => relayed.map_or(Origin::Silence, Origin::Relay),
        };
        let buses = &self.buses;
        let is_open = |bus: &&BusId| {
            let bus = buses.get(**bus);
            bus.is_some_and(|bus| bus.is_open_to(origin, form, &column))
        };
        let open = self.wheel.slot(slot).buses.iter().find(is_open).copied();
        let bus = match (open, known) {
            (Some(open), _) => open,
            (None, Some((own, bus))) if bus.members.len() == 1 && bus.form() == form => {
                let own = self.buses.by_id.get_mut(&own);
                own.into_iter().for_each(|own| own.turn(column.clone()));
                return self.drop_sums(slot);
            }
            (None, known) => {
                let bus = match known {
                    Some((_, bus)) => bus.fork(form, column, origin),
                    None => {
                        let mut bus = Bus::new(form, column, origin, now);
                        bus.follow(ended);
                        bus
                    }
                };
                let bus = self.buses.add(bus);
                self.wheel.slot(slot).buses.push(bus);
                bus
            }
        };
        self.alight(id);
        self.seat(id, bus);
    }

    /// Let a port send nothing that is mixed.
    pub(super) fn alight(&mut self, id: PortId) {
        let Some(port) = self.ports.get_mut(&id) else {
            return;
        };
        let slot = Wheel::slot_of(port.session);
        let Some((out, bus)) = port
            .audio_out()
            .and_then(|out| out.bus().map(|bus| (out, bus)))
        else {
            return;
        };
        out.set_bus(None);
        let Some(left) = self.buses.by_id.get_mut(&bus) else {
            return;
        };
        left.members.retain(|&member| member != id);
        if left.members.is_empty() {
            self.buses.by_id.remove(&bus);
            set_member(&mut self.wheel.slot(slot).buses, bus, false);
            self.drop_sums(slot);
        }
    }

    /// A bus is about to change: its voices go on from what they said last.
    fn recall(&mut self, id: BusId, slot: usize) {
        let Some(bus) = self.buses.by_id.get_mut(&id) else {
            return;
        };
        let sum = self.wheel.slots()[slot]
            .sums
            .iter()
            .find(|sum| is_for(sum, bus));
        if let Some(sum) = sum {
            bus.recall(sum);
        }
    }

    /// Let go of sums that no bus is made of any more.
    fn drop_sums(&mut self, slot: usize) {
        let slot = self.wheel.slot(slot);
        let (buses, of_slot) = (&self.buses, &slot.buses);
        slot.sums.retain(|sum| {
            let mut users = of_slot.iter().filter_map(|&bus| buses.get(bus));
            users.any(|bus| is_for(sum, bus))
        });
    }

    fn seat(&mut self, id: PortId, bus: BusId) {
        let out = self.ports.get_mut(&id).and_then(Port::audio_out);
        if let Some((out, found)) = out.zip(self.buses.by_id.get_mut(&bus)) {
            out.set_bus(Some((bus, found.form().rate)));
            found.members.push(id);
        }
    }

    /// Mix a bus's frame and send it to its members. Allocates nothing.
    pub(super) fn tick_bus(&mut self, id: BusId, sums: &[Sum], at: Nanos, io: &mut dyn MediaIo) {
        let Some(bus) = self.buses.by_id.get_mut(&id) else {
            return;
        };
        let (tracks, rate) = (&self.tracks, bus.form().rate);
        let ports = &mut self.ports;
        let mut leaving = bus.members.iter().filter_map(|member| {
            let out = ports.get_mut(member)?.audio_out()?;
            out.leaving_for()
        });
        let wait = hand_over(bus, tracks, leaving.next(), at);
        if wait != Wait::Waits {
            let sum = sums.iter().find(|sum| is_for(sum, bus));
            if bus.mix(|track| said(tracks, track, rate), sum) {
                self.buses.settled.push(id);
            }
        }
        let Some(bus) = self.buses.get(id) else {
            return;
        };
        for &member in &bus.members {
            let Some(port) = self.ports.get_mut(&member) else {
                continue;
            };
            let Some(out) = port.audio_out() else {
                continue;
            };
            if out.leaving_for().is_some() && (out.leaves() || wait == Wait::Waits) {
                self.leaving.push(member);
            }
            match wait {
                Wait::Waits => continue,
                Wait::TakesOver(_) => out.stream.take_over(),
                Wait::Over => {}
            }
            for payload in bus.packets() {
                let Some(out) = port.audio_out().filter(|out| !out.digits.is_busy()) else {
                    break;
                };
                let audio = out.frame(bus.form().codec, payload, at);
                if port.kind.send(&audio, at, io) {
                    self.legs.dirty.push(member);
                }
            }
        }
    }

    /// Make a sum of the frames that are due.
    pub(super) fn tick_sum(&mut self, sum: &mut Sum) {
        let (tracks, rate) = (&self.tracks, sum.rate());
        sum.make(|track| said(tracks, track, rate));
    }

    /// A bus has settled: share it, or at least what it is the sum of.
    pub(super) fn settle(&mut self, id: BusId, slot: usize) {
        self.unite(id, slot);
        let Some((members, form)) = self.buses.get(id).map(|bus| (&bus.members, bus.form())) else {
            return;
        };
        let own = match members.as_slice() {
            [member] => self
                .ports
                .get(member)
                .and_then(|port| port.kind.audio_track()),
            _ => None,
        };
        let own = own.filter(|&own| self.is_mixed_by_others(own));
        let Some(bus) = self.buses.by_id.get_mut(&id) else {
            return;
        };
        let own = own.filter(|&own| bus.column().iter().all(|&(track, _)| track != own));
        bus.set_base(own);
        let Some(base) = bus.base().cloned() else {
            return;
        };
        let buses = &self.buses;
        let place = self.wheel.slot(slot);
        let alike = place.buses.iter().filter_map(|&bus| buses.get(bus));
        let alike = alike.filter(|bus| bus.form().rate == form.rate && bus.base() == Some(&base));
        let is_known = place.sums.iter().any(|sum| sum.is_of(form.rate, &base));
        if !is_known && alike.count() >= SUM_FOR {
            place.sums.push(Sum::new(form.rate, base));
        }
    }

    fn is_mixed_by_others(&self, track: TrackId) -> bool {
        let mixes = |crosspoint: &Crosspoint| {
            let port = self.ports.get(&crosspoint.destination);
            port.is_some_and(|port| port.kind.mixes())
        };
        self.matrix.from(track).iter().any(mixes)
    }

    /// Let a bus that settled carry the members of another that carries the same.
    fn unite(&mut self, id: BusId, slot: usize) {
        let Some(bus) = self.buses.get(id) else {
            return;
        };
        let is_same = |other: &&BusId| {
            let same = |other: &Bus| other.is_as(bus);
            **other != id && self.buses.get(**other).is_some_and(same)
        };
        let buses = &self.wheel.slots()[slot].buses;
        let Some(other) = buses.iter().find(is_same).copied() else {
            return;
        };
        let size = |id| self.buses.get(id).map_or(0, |bus| bus.members.len());
        let (stays, goes) = if size(id) > size(other) {
            (id, other)
        } else {
            (other, id)
        };
        let Some(gone) = self.buses.by_id.remove(&goes) else {
            return;
        };
        set_member(&mut self.wheel.slot(slot).buses, goes, false);
        if let Some(bus) = self.buses.by_id.get_mut(&stays) {
            bus.welcome(&gone.members);
            for member in &gone.members {
                let out = self.ports.get_mut(member).and_then(Port::audio_out);
                let seat = Some((stays, bus.form().rate));
                out.into_iter().for_each(|out| out.set_bus(seat));
            }
        }
    }
}

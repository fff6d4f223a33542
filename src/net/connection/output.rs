//! The writing half of a connection: at once, late, or as far as the socket takes it.
//!
//! Owns what happens to replies between the worker's output buffer and the socket, and the limits of what may wait.
//! Must not know requests.

use super::{Connection, End, Next, Scratch};
use crate::exec;
use crate::net::socket::{Stream, Written};
use crate::resp::OutBuf;
use std::sync::atomic::Ordering::Relaxed;

/// Replies of at most so many bytes are written late.
const LATE_BYTES_MAX: usize = 64 * 1024;
/// Buffers that the worker keeps for them.
const SPARE_MAX: usize = 16;

impl Connection {
    /// Takes the worker's output, to write it when some other connections have made theirs.
    #[inline]
    pub(super) fn answer_late(&mut self, scratch: &mut Scratch) -> Result<Next, End> {
        if scratch.output.is_empty() {
            return Ok(Next::Wait);
        }
        if self.unsent.is_some() || scratch.output.len() > LATE_BYTES_MAX || scratch.output.is_vectored() {
            self.send(scratch)?;
            return Ok(Next::Wait);
        }
        let mut late = scratch.spare.pop().unwrap_or_default();
        std::mem::swap(&mut *late, &mut scratch.output);
        self.unsent = Some(late);
        Ok(Next::Late)
    }

    /// Writes what [`Connection::answer_late`] has taken, if that has not been done yet.
    #[inline]
    pub(super) fn write_late(&mut self, scratch: &mut Scratch) -> Result<Next, End> {
        if self.client.shared.kill.load(Relaxed) {
            return Err(End::Closed);
        }
        let Some(mut late) = self.unsent.take() else { return Ok(Next::Wait) };
        write_all(&self.stream, &mut late, &mut self.writable, &scratch.exec)?;
        if !late.is_empty() {
            self.unsent = Some(late);
            self.check_output_limit(scratch)?;
        } else if scratch.spare.len() < SPARE_MAX && late.capacity() <= LATE_BYTES_MAX {
            scratch.spare.push(late);
        }
        Ok(Next::Wait)
    }

    /// Writes the worker's output; what the socket does not take moves into `unsent`.
    #[inline]
    pub(super) fn send(&mut self, scratch: &mut Scratch) -> Result<(), End> {
        if scratch.output.is_empty() {
            return Ok(());
        }
        if self.unsent.is_none() {
            write_all(&self.stream, &mut scratch.output, &mut self.writable, &scratch.exec)?;
            if scratch.output.is_empty() {
                return Ok(());
            }
        }
        self.keep_unsent(scratch)
    }

    #[cold]
    fn keep_unsent(&mut self, scratch: &mut Scratch) -> Result<(), End> {
        self.unsent.get_or_insert_default().append(&mut scratch.output);
        self.check_output_limit(scratch)
    }

    /// Writes `unsent` as far as the socket takes it.
    pub(super) fn flush(&mut self, scratch: &Scratch) -> Result<(), End> {
        let Some(unsent) = &mut self.unsent else { return Ok(()) };
        let waiting = unsent.len();
        write_all(&self.stream, unsent, &mut self.writable, &scratch.exec)?;
        let left = unsent.len();
        let shared = &self.client.shared;
        if left < waiting {
            // A client that takes its replies slowly is not idle.
            shared.active_ms.store(scratch.server.clock.unix_ms(), Relaxed);
        }
        if left == 0 {
            self.unsent = None;
            shared.soft_since.store(0, Relaxed);
        }
        shared.output.store(left, Relaxed);
        Ok(())
    }

    /// Closes a client whose waiting replies are over the hard limit of its class; notes since when they are over the
    /// soft one (the periodic work closes it when its time is up).
    fn check_output_limit(&mut self, scratch: &Scratch) -> Result<(), End> {
        let waiting = self.unsent.as_ref().map_or(0, |unsent| unsent.len() as u64);
        let shared = &self.client.shared;
        shared.output.store(waiting as usize, Relaxed);
        let limit = &scratch.exec.settings().client_output_buffer_limit.normal;
        if limit.soft > 0 && waiting > limit.soft {
            if shared.soft_since.load(Relaxed) == 0 {
                shared.soft_since.store(scratch.server.clock.unix_ms().max(1), Relaxed);
            }
        } else {
            shared.soft_since.store(0, Relaxed);
        }
        if limit.hard > 0 && waiting > limit.hard {
            tracing::warn!("Client {} ({}) closed for overcoming of output buffer limits", shared.id, shared.addr);
            return Err(End::Closed);
        }
        Ok(())
    }
}

/// Writes until nothing is left or the socket is full, which `writable` then says.
#[inline]
fn write_all(stream: &Stream, out: &mut OutBuf, writable: &mut bool, exec: &exec::Worker) -> Result<(), End> {
    let stats = exec.stats();
    while !out.is_empty() && *writable {
        match stream.write(out)? {
            Some(Written { bytes: 0, .. }) => return Err(End::Closed),
            Some(Written { bytes, short }) => {
                out.advance(bytes);
                *writable = !short;
                stats.net_out.add(bytes as u64);
                stats.writes.add(1);
            }
            None => *writable = false,
        }
    }
    Ok(())
}

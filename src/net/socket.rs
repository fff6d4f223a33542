//! A connected socket, TCP or Unix domain, that never blocks.
//!
//! Owns the file descriptor and the system calls on it. It must not know what the bytes mean, nor when it is worth
//! trying: a socket that is not ready answers `None`.
//!
//! The calls of every command go to the system directly (`rustix`): libc's are points where a thread can be cancelled,
//! and pay for that with two locked instructions each.
//!
//! `unsafe` is here for the one call that reads into two buffers, of which one grows: that one would else have to be
//! filled with zeros first, which for a value of 64 KiB was measured at 1.4 µs, a tenth of what the copy costs.
#![allow(unsafe_code)]

use crate::resp::OutBuf;
use rustix::buffer::spare_capacity;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags, recv, send, sendmsg};
use socket2::{MaybeUninitSlice, SockRef};
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

/// Pieces of a reply that one system call writes.
const PIECES: usize = 64;

/// A socket.
pub(super) struct Stream(OwnedFd);

/// What a write came to.
pub(super) struct Written {
    /// Bytes that the socket took.
    pub(super) bytes: usize,
    /// It took less than it was offered: it is full.
    pub(super) short: bool,
}

/// `None` where the socket is not ready.
#[inline]
fn ready<T>(result: Result<T, Errno>) -> io::Result<Option<T>> {
    match result {
        Ok(done) => Ok(Some(done)),
        Err(Errno::AGAIN) => Ok(None),
        Err(e) => Err(e.into()),
    }
}

impl Stream {
    /// A connected socket that is in non-blocking mode.
    pub(super) fn new(socket: impl Into<OwnedFd>) -> Self {
        Self(socket.into())
    }

    /// The file descriptor.
    pub(super) fn fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    /// Reads once into `buf`; 0: the peer has ended its side.
    #[inline]
    pub(super) fn read(&self, buf: &mut [u8]) -> io::Result<Option<usize>> {
        ready(recv(&self.0, buf, RecvFlags::empty()).map(|(n, _)| n))
    }

    /// Reads once to the end of `buf`, into the capacity that it has, which must be some; returns the bytes read, 0: the
    /// peer has ended its side.
    pub(super) fn read_into(&self, buf: &mut Vec<u8>) -> io::Result<Option<usize>> {
        ready(recv(&self.0, spare_capacity(buf), RecvFlags::empty()).map(|(n, _)| n))
    }

    /// Reads once to the end of `buf`, into at most `room` bytes of the capacity that it has, and what comes behind
    /// them into `then`. Returns all that was read: what is above `room` is in `then`. There are `room` bytes of spare
    /// capacity.
    pub(super) fn read_through(&self, buf: &mut Vec<u8>, room: usize, then: &mut [u8]) -> io::Result<Option<usize>> {
        let spare = &mut buf.spare_capacity_mut()[..room];
        // SAFETY: initialised bytes are valid as perhaps uninitialised ones, and `recv_vectored` promises never to
        // write uninitialised bytes.
        let then = unsafe { &mut *(std::ptr::from_mut(then) as *mut [MaybeUninit<u8>]) };
        let mut both = [MaybeUninitSlice::new(spare), MaybeUninitSlice::new(then)];
        let n = match SockRef::from(&self.0).recv_vectored(&mut both) {
            Ok((n, _)) => n,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(e) => return Err(e),
        };
        // SAFETY: the call has initialised `n` bytes of the two buffers in their order, the first of which is the spare
        // capacity's first `room` bytes.
        unsafe { buf.set_len(buf.len() + room.min(n)) };
        Ok(Some(n))
    }

    /// Writes the front of `out` once; `out` stays as it is.
    #[inline]
    pub(super) fn write(&self, out: &OutBuf) -> io::Result<Option<Written>> {
        if out.is_vectored() {
            return self.write_vectored(out);
        }
        let front = out.front();
        let sent = ready(send(&self.0, front, SendFlags::NOSIGNAL))?;
        Ok(sent.map(|bytes| Written { bytes, short: bytes < front.len() }))
    }

    fn write_vectored(&self, out: &OutBuf) -> io::Result<Option<Written>> {
        let mut pieces = [IoSlice::new(&[]); PIECES];
        let n = out.fill_slices(&mut pieces);
        let offered: usize = pieces[..n].iter().map(|piece| piece.len()).sum();
        let mut no_control = SendAncillaryBuffer::default();
        let sent = ready(sendmsg(&self.0, &pieces[..n], &mut no_control, SendFlags::NOSIGNAL))?;
        Ok(sent.map(|bytes| Written { bytes, short: bytes < offered }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    fn pair() -> (Stream, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        (Stream::new(ours), theirs)
    }

    #[test]
    fn reads_fill_what_there_is_room_for() {
        let (ours, mut theirs) = pair();
        assert_eq!(ours.read(&mut [0; 9]).unwrap(), None);
        theirs.write_all(b"0123456789abcdef").unwrap();
        let mut buf = Vec::with_capacity(4);
        buf.push(b'-');
        assert_eq!(ours.read_into(&mut buf).unwrap(), Some(3));
        assert_eq!(buf, b"-012");
        buf.reserve_exact(6);
        let mut then = [0; 4];
        assert_eq!(ours.read_through(&mut buf, 5, &mut then).unwrap(), Some(9));
        assert_eq!((&buf[..], &then), (&b"-01234567"[..], b"89ab"));
        assert_eq!(ours.read_through(&mut buf, 1, &mut []).unwrap(), Some(1));
        let mut more = Vec::with_capacity(100);
        assert_eq!(ours.read_through(&mut more, 100, &mut then).unwrap(), Some(3));
        assert_eq!((&more[..], &buf[..]), (&b"def"[..], &b"-01234567c"[..]));
        assert_eq!(ours.read_through(&mut more, 1, &mut then).unwrap(), None);
        assert_eq!(ours.read_into(&mut more).unwrap(), None);
        drop(theirs);
        assert_eq!(ours.read(&mut [0; 9]).unwrap(), Some(0));
        assert_eq!(ours.read_into(&mut more).unwrap(), Some(0));
        assert_eq!(ours.read_through(&mut more, 1, &mut then).unwrap(), Some(0));
        assert_eq!(more, b"def");
    }

    #[test]
    fn a_full_socket_says_so() {
        let (ours, mut theirs) = pair();
        let (mut out, value) = (OutBuf::new(), vec![b'x'; 1 << 20]);
        out.extend(b"+plain\r\n");
        let written = ours.write(&out).unwrap().unwrap();
        assert!(written.bytes == 8 && !written.short);
        out.clear();
        (0..100).for_each(|_| out.attach(value.clone().into()));
        let (mut sent, mut short) = (0, false);
        while let Some(written) = ours.write(&out).unwrap() {
            (sent, short) = (sent + written.bytes, written.short);
            out.advance(written.bytes);
        }
        assert!(short && sent > 0 && out.len() + sent == 100 << 20);
        let mut got = vec![0; 8 + sent];
        theirs.read_exact(&mut got).unwrap();
        assert!(got.starts_with(b"+plain\r\nxxx"));
        drop(theirs);
        let e = ours.write(&out).err().map(|e| e.kind());
        assert_eq!(e, Some(io::ErrorKind::BrokenPipe));
    }
}

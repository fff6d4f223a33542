//! A blocking raw RESP client with a deadline on every read and write.
//!
//! Sends exactly the bytes it is told to, whole or in pieces, so that the protocol tests can be as rude as they like.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use super::{DEADLINE, Decoder, Value, encode, encode_line};

/// One connection.
pub struct Client {
    stream: TcpStream,
    decoder: Decoder,
}

impl Client {
    /// Connects; panics when nothing listens at the address.
    #[track_caller]
    pub fn connect(address: SocketAddr) -> Client {
        Client::try_connect(address).unwrap_or_else(|e| panic!("connect to {address}: {e}"))
    }

    /// Connects.
    pub fn try_connect(address: SocketAddr) -> io::Result<Client> {
        let stream = TcpStream::connect_timeout(&address, DEADLINE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        stream.set_write_timeout(Some(DEADLINE))?;
        Ok(Client { stream, decoder: Decoder::default() })
    }

    /// The longest a read may wait from now on.
    pub fn set_deadline(&mut self, deadline: Duration) {
        self.stream.set_read_timeout(Some(deadline)).unwrap();
    }

    /// Our own end of the connection: what the server calls `addr`.
    pub fn local_address(&self) -> SocketAddr {
        self.stream.local_addr().unwrap()
    }

    /// Sends the bytes as they are; panics when they cannot be written within the deadline.
    #[track_caller]
    pub fn send_raw(&mut self, bytes: &[u8]) {
        self.try_send_raw(bytes).unwrap_or_else(|e| panic!("send: {e}"));
    }

    /// Sends the bytes as they are.
    pub fn try_send_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Sends a command and does not wait for its reply.
    #[track_caller]
    pub fn send<A: AsRef<[u8]>>(&mut self, arguments: &[A]) {
        self.send_raw(&encode(arguments));
    }

    /// Sends a command line (see [`super::split`]) and does not wait for its reply.
    #[track_caller]
    pub fn send_line(&mut self, line: &str) {
        self.send_raw(&encode_line(line));
    }

    /// The next reply; panics at the end of the stream, at the deadline and on bytes that are no RESP.
    #[track_caller]
    pub fn recv(&mut self) -> Value {
        match self.try_recv() {
            Ok(Some(value)) => value,
            Ok(None) => panic!("the server closed the connection; undecoded: {:?}", self.rest()),
            Err(e) => panic!("receive: {e}; undecoded: {:?}", self.rest()),
        }
    }

    /// The next reply, `None` when the server closed the connection (an orderly end or a reset).
    pub fn try_recv(&mut self) -> io::Result<Option<Value>> {
        let mut chunk = vec![0; 1 << 16];
        loop {
            if let Some(value) = self.decoder.next().map_err(io::Error::other)? {
                return Ok(Some(value));
            }
            // A large reply is decoded from its start again: read as much as there is before the next attempt.
            let wanted = (self.decoder.rest().len() / 2).max(1);
            let mut got = 0;
            while got < wanted {
                match self.stream.read(&mut chunk) {
                    Ok(0) => return Ok(None),
                    Ok(n) => {
                        self.decoder.feed(&chunk[..n]);
                        got += n;
                        if n < chunk.len() {
                            break;
                        }
                    }
                    Err(e) if e.kind() == io::ErrorKind::ConnectionReset => return Ok(None),
                    Err(e) => return Err(e),
                }
            }
        }
    }

    /// Runs a command.
    #[track_caller]
    pub fn command<A: AsRef<[u8]>>(&mut self, arguments: &[A]) -> Value {
        self.send(arguments);
        self.recv()
    }

    /// Runs a command line.
    #[track_caller]
    pub fn line(&mut self, line: &str) -> Value {
        self.send_line(line);
        self.recv()
    }

    /// Runs a command line, returns the reply in the notation of the tables.
    #[track_caller]
    pub fn ask(&mut self, line: &str) -> String {
        self.line(line).render()
    }

    /// Runs a command line, returns the rendered reply, or `None` where the server has closed the connection.
    pub fn try_ask(&mut self, line: &str) -> Option<String> {
        self.try_send_raw(&encode_line(line)).ok()?;
        Some(self.try_recv().ok()??.render())
    }

    /// Sends all the bytes before reading anything, then reads `count` replies.
    #[track_caller]
    pub fn pipeline(&mut self, bytes: &[u8], count: usize) -> Vec<Value> {
        self.send_raw(bytes);
        (0..count).map(|_| self.recv()).collect()
    }

    /// Ends our side of the stream; replies can still be read.
    pub fn shutdown_write(&mut self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// [`Client::shutdown_write`], where the server may have closed the connection already.
    pub fn try_shutdown_write(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// All replies up to the end of the stream.
    #[track_caller]
    pub fn recv_to_end(&mut self) -> Vec<Value> {
        let mut all = Vec::new();
        loop {
            match self.try_recv() {
                Ok(Some(value)) => all.push(value),
                Ok(None) => return all,
                Err(e) => panic!("receive: {e}; so far {} replies; undecoded: {:?}", all.len(), self.rest()),
            }
        }
    }

    /// Waits for the server to close the connection; panics if it sends a reply or keeps it open.
    #[track_caller]
    pub fn expect_closed(&mut self) {
        match self.try_recv() {
            Ok(None) => assert_eq!(self.decoder.rest(), b"", "undecoded bytes at the end"),
            Ok(Some(value)) => panic!("expected the connection to be closed, got {value}"),
            Err(e) => panic!("expected the connection to be closed: {e}"),
        }
    }

    fn rest(&self) -> String {
        String::from_utf8_lossy(self.decoder.rest()).chars().take(200).collect()
    }
}

//! Foreign bytes as serialised libraries, under a checksum that is right: FUNCTION RESTORE answers, takes all of them or
//! none, and what FUNCTION DUMP then makes of the libraries is taken back and makes the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ostracon::base::clock::Clock;
use ostracon::client::{Client, Shared};
use ostracon::config::{Config, Settings};
use ostracon::exec::Worker;
use ostracon::persist::payload;
use ostracon::resp::OutBuf;
use ostracon::server::Server;
use std::cell::RefCell;
use std::sync::Arc;

/// A server without sockets, and its client.
struct Local {
    server: Arc<Server>,
    worker: Worker,
    client: Client,
}

impl Local {
    fn new() -> Self {
        let config = Config::new(Settings::default(), None);
        let server = Arc::new(Server::new(config, Clock::new(), 1).expect("no renames"));
        let shared = Shared::new(1, String::new(), String::new(), 0, 0, 0);
        Self { worker: Worker::new(Arc::clone(&server), 0), server, client: Client::new(Arc::new(shared), true) }
    }

    fn run(&mut self, words: &[&[u8]]) -> Vec<u8> {
        let mut request = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            request.extend(format!("${}\r\n", word.len()).bytes());
            request.extend_from_slice(word);
            request.extend(b"\r\n");
        }
        let mut out = OutBuf::new();
        self.worker.run(&self.server, &mut self.client, &request, &mut out);
        out.to_vec()
    }

    fn dump(&mut self) -> Vec<u8> {
        let reply = self.run(&[b"FUNCTION", b"DUMP"]);
        let start = reply.iter().position(|byte| *byte == b'\n').expect("a string") + 1;
        reply[start..reply.len() - 2].to_vec()
    }
}

thread_local! {
    static LOCAL: RefCell<Local> = RefCell::new(Local::new());
}

fuzz_target!(|body: &[u8]| {
    let mut sealed = body.to_vec();
    payload::seal(&mut sealed);
    LOCAL.with_borrow_mut(|local| {
        let before = local.dump();
        for policy in [&b"APPEND"[..], b"REPLACE", b"FLUSH"] {
            let reply = local.run(&[b"FUNCTION", b"RESTORE", &sealed, policy]);
            if reply != b"+OK\r\n" {
                assert!(reply.starts_with(b"-ERR "), "{}", reply.escape_ascii());
                assert!(policy == b"FLUSH" || local.dump() == before || body.is_empty());
                continue;
            }
            let dump = local.dump();
            assert_eq!(local.run(&[b"FUNCTION", b"RESTORE", &dump, b"FLUSH"]), b"+OK\r\n");
            assert_eq!(local.dump(), dump);
        }
        // Bytes as they come are refused.
        assert!(local.run(&[b"FUNCTION", b"RESTORE", body]).starts_with(b"-ERR ") || payload::open(body).is_some());
        local.run(&[b"FUNCTION", b"FLUSH"]);
    });
});

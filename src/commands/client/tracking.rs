//! CLIENT TRACKING and its kin: CACHING, GETREDIR, TRACKINGINFO.
//!
//! Owns which combinations of options are refused and with what words. What tracking does is `server/tracking.rs`'s and
//! `exec/track.rs`'s.

use super::*;
use crate::tracking::{Options, Tracks};
use std::collections::BTreeSet;

/// The options as they were given.
#[derive(Default)]
struct Asked<'a> {
    options: Options,
    redirect: Option<Arc<Shared>>,
    prefixes: Vec<&'a [u8]>,
}

fn asked<'a>(server: &Server, args: &mut Args<'a>) -> Result<Asked<'a>> {
    let mut asked = Asked::default();
    let options = &mut asked.options;
    while let Some(option) = args.next() {
        match option.to_ascii_lowercase().as_slice() {
            b"redirect" if !args.is_empty() => {
                if asked.redirect.is_some() {
                    return Err(Error::Text("ERR A client can only redirect to a single other client"));
                }
                let id = args.int();
                args.check()?;
                let target = u64::try_from(id).ok().and_then(|id| server.clients.get(id));
                let target = target.ok_or(Error::Text("ERR The client ID you want redirect to does not exist"))?;
                options.redirect = target.id;
                asked.redirect = Some(target);
            }
            b"prefix" if !args.is_empty() => asked.prefixes.push(args.bytes()),
            b"bcast" => options.bcast = true,
            b"optin" => options.optin = true,
            b"optout" => options.optout = true,
            b"noloop" => options.noloop = true,
            _ => return Err(Error::Syntax),
        }
    }
    Ok(asked)
}

const OTHER_MODE: Error = Error::Text(
    "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it with a \
     different mode.",
);
const OTHER_OPT: Error = Error::Text(
    "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it with a \
     different mode.",
);

/// Whether these options go together, and with those of before.
fn check(asked: &Asked<'_>, before: Option<&Options>) -> Result {
    let new = &asked.options;
    if !new.bcast && !asked.prefixes.is_empty() {
        return Err(Error::Text("ERR PREFIX option requires BCAST mode to be enabled"));
    }
    if before.is_some_and(|old| old.bcast != new.bcast) {
        return Err(OTHER_MODE);
    }
    if new.bcast && (new.optin || new.optout) {
        return Err(Error::Text("ERR OPTIN and OPTOUT are not compatible with BCAST"));
    }
    if new.optin && new.optout {
        return Err(Error::Text("ERR You can't specify both OPTIN mode and OPTOUT mode"));
    }
    if before.is_some_and(|old| new.optin && old.optout || new.optout && old.optin) {
        return Err(OTHER_OPT);
    }
    check_prefixes(&asked.prefixes, before.map(|old| &old.prefixes))
}

/// No prefix may begin with another: a key would be told of twice.
fn check_prefixes(prefixes: &[&[u8]], before: Option<&BTreeSet<Box<[u8]>>>) -> Result {
    let overlap = |a: &[u8], b: &[u8]| a.starts_with(b) || b.starts_with(a);
    let error = |a: &[u8], kind: &str, b: &[u8]| {
        let [a, b] = [a, b].map(String::from_utf8_lossy);
        let only = "Prefixes for a single client must not overlap.";
        Err(Error::Owned(format!("ERR Prefix '{a}' overlaps with {kind} prefix '{b}'. {only}")))
    };
    for (i, &a) in prefixes.iter().enumerate() {
        if let Some(b) = before.into_iter().flatten().find(|b| overlap(a, b)) {
            return error(a, "an existing", b);
        }
        if let Some(b) = prefixes[i + 1..].iter().find(|b| overlap(a, b)) {
            return error(a, "another provided", b);
        }
    }
    Ok(())
}

pub(super) fn tracking(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let word = args.bytes();
    let mut asked = asked(cx.server, args)?;
    let listeners = &cx.server.store.listeners;
    if word.eq_ignore_ascii_case(b"on") {
        let before = cx.client.tracking.take();
        let checked = check(&asked, before.as_ref().map(|tracks| &tracks.options));
        if let Err(e) = checked {
            cx.client.tracking = before;
            return Err(e);
        }
        let mut options = std::mem::take(&mut asked.options);
        if options.bcast {
            options.prefixes.extend(asked.prefixes.iter().map(|prefix| Box::from(*prefix)));
            if asked.prefixes.is_empty() {
                options.prefixes.insert(Box::default());
            }
            options.prefixes.extend(before.into_iter().flat_map(|tracks| tracks.options.prefixes));
        }
        cx.client.tracking = Some(Box::new(Tracks { options: options.clone(), caching: false }));
        cx.server.tracking.start(listeners, &cx.client.shared, asked.redirect, options);
    } else if word.eq_ignore_ascii_case(b"off") {
        if cx.client.tracking.take().is_some() {
            cx.server.tracking.stop(listeners, &cx.client.shared);
        }
    } else {
        return Err(Error::Syntax);
    }
    out.ok();
    Ok(())
}

pub(super) fn caching(cx: &mut Cx<'_, '_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let Some(tracks) = &mut cx.client.tracking else {
        return Err(Error::Text(
            "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled",
        ));
    };
    let no = args.one_of(&["yes", "no"]) == 1;
    args.end()?;
    if !no && !tracks.options.optin {
        return Err(Error::Text("ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode."));
    }
    if no && !tracks.options.optout {
        return Err(Error::Text("ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode."));
    }
    tracks.caching = true;
    out.ok();
    Ok(())
}

/// The client that invalidations go to; 0: this one, -1: tracking is off.
fn redirection(client: &Client) -> i64 {
    client.tracking.as_ref().map_or(-1, |tracks| tracks.options.redirect as i64)
}

pub(super) fn getredir(cx: &mut Cx<'_, '_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    out.int(redirection(cx.client));
    Ok(())
}

pub(super) fn trackinginfo(cx: &mut Cx<'_, '_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let off = Tracks::default();
    let tracks = cx.client.tracking.as_deref();
    let Tracks { options, caching } = tracks.unwrap_or(&off);
    let broken = cx.client.shared.flags().contains(ClientFlags::BROKEN_REDIRECT);
    let flags = [
        (tracks.is_none(), "off"),
        (tracks.is_some(), "on"),
        (options.bcast, "bcast"),
        (options.optin, "optin"),
        (options.optin && *caching, "caching-yes"),
        (options.optout, "optout"),
        (options.optout && *caching, "caching-no"),
        (options.noloop, "noloop"),
        (broken, "broken_redirect"),
    ];
    out.map(3);
    out.bulk(b"flags");
    out.set(flags.iter().filter(|(on, _)| *on).count());
    flags.iter().filter(|(on, _)| *on).for_each(|(_, name)| out.bulk(name.as_bytes()));
    out.bulk(b"redirect");
    out.int(redirection(cx.client));
    out.bulk(b"prefixes");
    out.array(options.prefixes.len());
    options.prefixes.iter().for_each(|prefix| out.bulk(prefix));
    Ok(())
}

//! The notation of a command's arguments, read into a tree that random arguments are drawn from.
//!
//! The rows of the command table say `key [EX seconds|PX milliseconds] [NX|XX] [key ...]`; that is a grammar, and a
//! grammar can be run backwards. Knows nothing of commands and values: a name is handed to the caller to be filled.

use ostracon::base::rng::Rng;
use std::cell::Cell;

/// A word of the notation, and whether it has been drawn.
#[derive(Debug, PartialEq)]
pub struct Word {
    text: String,
    drawn: Cell<bool>,
}

impl From<&str> for Word {
    fn from(text: &str) -> Self {
        Word { text: text.to_owned(), drawn: Cell::new(false) }
    }
}

impl Word {
    fn draw(&self) -> &str {
        self.drawn.set(true);
        &self.text
    }
}

/// A piece of the notation.
#[derive(Debug, PartialEq)]
pub enum Node {
    /// One after the other.
    Seq(Vec<Node>),
    /// `a|b`: one of these.
    Choice(Vec<Node>),
    /// `[…]`: may be left out.
    Optional(Box<Node>),
    /// `[… ...]`: any number of times.
    Repeat(Box<Node>),
    /// A word in capitals, a sign, a unit: itself.
    Token(Word),
    /// A word in small letters: the name of a value.
    Name(Word),
}

/// Reads the notation. Panics where it is not well formed, for then the table is wrong.
pub fn parse(notation: &str) -> Node {
    let mut words = lex(notation);
    words.reverse();
    let node = choice(&mut words);
    assert!(words.is_empty(), "unbalanced: {notation}");
    node
}

/// Words in small letters that stand for themselves.
const UNITS: [&str; 4] = ["m", "km", "ft", "mi"];

fn is_token(word: &str) -> bool {
    let sign = word != "..." && !word.bytes().any(|b| b.is_ascii_alphanumeric());
    sign || UNITS.contains(&word) || word.bytes().any(|b| b.is_ascii_uppercase())
}

/// Brackets and bars stand for themselves; everything else is words.
fn lex(notation: &str) -> Vec<String> {
    let mut words: Vec<String> = vec![String::new()];
    for c in notation.chars() {
        match c {
            ' ' => words.push(String::new()),
            '[' | ']' | '<' | '>' | '|' => {
                words.push(c.to_string());
                words.push(String::new());
            }
            _ => words.last_mut().unwrap().push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// `a b|c d`: a bar parts sequences, but in `OVERFLOW WRAP|SAT|FAIL` and `TYPE normal|replica` words.
fn choice(words: &mut Vec<String>) -> Node {
    let mut branches = vec![sequence(words)];
    while words.pop_if(|word| word == "|").is_some() {
        branches.push(sequence(words));
    }
    if branches.len() > 1 && branches[1..].iter().all(|branch| branch.len() == 1) && branches[0].len() == 2 {
        let mut first = branches.remove(0);
        let last = first.pop().unwrap();
        if branches.iter().all(|branch| same_case(&branch[0], &last)) {
            let others = branches.into_iter().flatten();
            first.push(Node::Choice(std::iter::once(last).chain(others).collect()));
            return Node::Seq(first);
        }
        first.push(last);
        branches.insert(0, first);
    }
    match branches.len() {
        1 => Node::Seq(branches.remove(0)),
        _ => Node::Choice(branches.into_iter().map(Node::Seq).collect()),
    }
}

fn same_case(a: &Node, b: &Node) -> bool {
    matches!((a, b), (Node::Token(_), Node::Token(_)) | (Node::Name(_), Node::Name(_)))
}

fn sequence(words: &mut Vec<String>) -> Vec<Node> {
    let mut nodes = Vec::new();
    while let Some(word) = words.pop_if(|word| !matches!(word.as_str(), "|" | "]" | ">")) {
        nodes.push(match word.as_str() {
            "[" => {
                let inner = choice(words);
                assert_eq!(words.pop().as_deref(), Some("]"));
                repeated(inner)
            }
            "<" => {
                let inner = choice(words);
                assert_eq!(words.pop().as_deref(), Some(">"));
                inner
            }
            word if is_token(word) => Node::Token(word.into()),
            word => Node::Name(word.into()),
        });
    }
    nodes
}

/// An optional part; one that ends in `...`, here or in its last branch, may come again and again.
fn repeated(mut inner: Node) -> Node {
    let dots = Node::Name("...".into());
    let end = match &mut inner {
        Node::Seq(nodes) => Some(nodes),
        Node::Choice(branches) => match branches.last_mut() {
            Some(Node::Seq(nodes)) => Some(nodes),
            _ => None,
        },
        _ => None,
    };
    match end {
        Some(nodes) if nodes.last() == Some(&dots) => {
            nodes.pop();
            Node::Repeat(Box::new(inner))
        }
        _ => Node::Optional(Box::new(inner)),
    }
}

impl Node {
    /// Takes out the branches of choices, and the options, that start with this token: what one of the servers does not know.
    pub fn without(mut self, token: &str) -> Node {
        self.prune(token);
        self
    }

    fn starts_with(&self, token: &str) -> bool {
        match self {
            Node::Token(t) => t.text == token,
            Node::Seq(nodes) => nodes.first().is_some_and(|node| node.starts_with(token)),
            _ => false,
        }
    }

    fn prune(&mut self, token: &str) {
        match self {
            Node::Choice(nodes) => {
                nodes.retain(|node| !node.starts_with(token));
                nodes.iter_mut().for_each(|node| node.prune(token));
            }
            Node::Seq(nodes) => {
                nodes.retain(|node| !matches!(node, Node::Optional(inner) if inner.starts_with(token)));
                nodes.iter_mut().for_each(|node| node.prune(token));
                // All of its branches may have gone.
                nodes.retain(|node| match node {
                    Node::Optional(inner) => !matches!(&**inner, Node::Choice(branches) if branches.is_empty()),
                    _ => true,
                });
            }
            Node::Optional(inner) | Node::Repeat(inner) => inner.prune(token),
            Node::Token(_) | Node::Name(_) => {}
        }
    }

    /// The words that have never been drawn.
    pub fn undrawn<'n>(&'n self, out: &mut Vec<&'n str>) {
        match self {
            Node::Choice(nodes) | Node::Seq(nodes) => nodes.iter().for_each(|node| node.undrawn(out)),
            Node::Optional(inner) | Node::Repeat(inner) => inner.undrawn(out),
            Node::Token(word) | Node::Name(word) if !word.drawn.get() => out.push(&word.text),
            Node::Token(_) | Node::Name(_) => {}
        }
    }

    /// Draws arguments: `fill` gives a value for a name.
    pub fn draw(&self, rng: &mut Rng, out: &mut Vec<Vec<u8>>, fill: &mut dyn FnMut(&mut Rng, &str) -> Vec<u8>) {
        match self {
            Node::Token(token) => out.push(any_case(rng, token.draw())),
            Node::Name(name) => out.push(fill(rng, name.draw())),
            Node::Choice(branches) => {
                let one = rng.below(branches.len() as u64) as usize;
                branches[one].draw(rng, out, fill);
            }
            Node::Optional(inner) => {
                if rng.below(2) == 0 {
                    inner.draw(rng, out, fill);
                }
            }
            Node::Repeat(inner) => {
                while rng.below(2) == 0 {
                    inner.draw(rng, out, fill);
                }
            }
            Node::Seq(nodes) => draw_sequence(nodes, rng, out, fill),
        }
    }
}

/// Options that follow one another come in any order, now and then one of them twice.
fn draw_sequence(
    nodes: &[Node],
    rng: &mut Rng,
    out: &mut Vec<Vec<u8>>,
    fill: &mut dyn FnMut(&mut Rng, &str) -> Vec<u8>,
) {
    let fixed = nodes.iter().rposition(|n| !matches!(n, Node::Optional(_))).map_or(0, |last| last + 1);
    nodes[..fixed].iter().for_each(|node| node.draw(rng, out, fill));
    let mut options: Vec<Vec<Vec<u8>>> = Vec::new();
    for node in &nodes[fixed..] {
        let times = if nodes.len() > fixed + 1 && rng.below(40) == 0 { 2 } else { 1 };
        for _ in 0..times {
            let mut option = Vec::new();
            node.draw(rng, &mut option, fill);
            options.push(option);
        }
    }
    if options.len() > 1 && rng.below(3) == 0 {
        for i in (1..options.len()).rev() {
            options.swap(i, rng.below(i as u64 + 1) as usize);
        }
    }
    out.extend(options.into_iter().flatten());
}

/// A token in capitals, small letters or both.
pub fn any_case(rng: &mut Rng, token: &str) -> Vec<u8> {
    match rng.below(4) {
        0 => token.to_ascii_lowercase().into_bytes(),
        1 => token.bytes().map(|b| if rng.below(2) == 0 { b.to_ascii_lowercase() } else { b }).collect(),
        _ => token.as_bytes().to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(notation: &str) -> Vec<String> {
        let (node, mut rng) = (parse(notation), Rng::new(1));
        let mut all: Vec<String> = (0..400)
            .map(|_| {
                let mut out = Vec::new();
                node.draw(&mut rng, &mut out, &mut |_, name| name.as_bytes().to_vec());
                let words: Vec<String> = out.iter().map(|w| String::from_utf8_lossy(w).to_lowercase()).collect();
                words.join(" ")
            })
            .collect();
        all.sort();
        all.dedup();
        all
    }

    #[test]
    fn what_is_drawn_is_remembered() {
        let (node, mut rng) = (parse("k [A|B] [v ...]"), Rng::new(1));
        let undrawn = |node: &Node| {
            let mut words = Vec::new();
            node.undrawn(&mut words);
            words.join(" ")
        };
        assert_eq!(undrawn(&node), "k A B v");
        for _ in 0..100 {
            node.draw(&mut rng, &mut Vec::new(), &mut |_, _| Vec::new());
        }
        assert_eq!(undrawn(&node), "");
    }

    #[test]
    fn the_notation_is_run_backwards() {
        assert_eq!(drawn("key value"), ["key value"]);
        assert_eq!(drawn("<A|B> k"), ["a k", "b k"]);
        assert_eq!(drawn("k [a [b [X|Y]]]"), ["k", "k a", "k a b", "k a b x", "k a b y"]);
        assert_eq!(parse("k [NX|IFEQ v|XX]").without("IFEQ"), parse("k [NX|XX]"));
        assert_eq!(parse("k [COUNT n] [NOVALUES]").without("NOVALUES"), parse("k [COUNT n]"));
        assert_eq!(parse("k [A|B] v").without("A").without("B"), parse("k v"));
        assert_eq!(drawn("[=|~] n <m|km>"), ["= n km", "= n m", "n km", "n m", "~ n km", "~ n m"]);
        assert!(drawn("k [k ...]").contains(&"k k k k".to_owned()));
        assert_eq!(drawn("OVERFLOW WRAP|SAT"), ["overflow sat", "overflow wrap"]);
        assert_eq!(drawn("EX s|PERSIST"), ["ex s", "persist"]);
        assert!(drawn("k [NX] [GET]").contains(&"k get nx".to_owned()), "options come in any order");
        let bitfield = drawn("key [GET e o|[OVERFLOW WRAP|SAT|FAIL] <SET e o v|INCRBY e o i> [GET e o ...]]");
        for line in ["key", "key get e o", "key overflow fail set e o v", "key incrby e o i get e o"] {
            assert!(bitfield.contains(&line.to_owned()), "{line} among {bitfield:?}");
        }
    }
}

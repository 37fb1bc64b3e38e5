//! Components that are broken in many ways, the same ones for the same seed. Shared by the tests
//! and by `--example malformed`.

/// xorshift64*: repeatable and good enough to break things.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn draw(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Below `end`, 0 for 0.
    pub fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.draw()) * end as u128) >> 64) as usize
    }
}

/// Names of the kinds, in the order of [`mutate`]'s answer.
pub const KINDS: [&str; 9] = [
    "bit flips",
    "bytes",
    "splice from another",
    "truncation",
    "repeated range",
    "LEB128 tampering",
    "sections swapped",
    "section doubled",
    "section removed",
];

/// Breaks `bytes` in one way, or a few of the same kind; `other` gives material. Answers which.
pub fn mutate(bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) -> usize {
    let kind = random.below(KINDS.len());
    match kind {
        0 => {
            for _ in 0..1 + random.below(8) {
                let at = random.below(bytes.len());
                bytes[at] ^= 1 << random.below(8);
            }
        }
        1 => {
            for _ in 0..1 + random.below(6) {
                let at = random.below(bytes.len());
                match random.below(3) {
                    0 => bytes[at] = random.draw() as u8,
                    1 => bytes.insert(at, random.draw() as u8),
                    _ => {
                        bytes.remove(at);
                    }
                }
            }
        }
        2 => {
            let from = random.below(other.len());
            let piece = &other[from..from + random.below((other.len() - from).min(400))];
            let at = random.below(bytes.len());
            let end = at + random.below((bytes.len() - at).min(400));
            bytes.splice(at..end, piece.iter().copied());
        }
        3 => bytes.truncate(random.below(bytes.len())),
        4 => {
            let from = random.below(bytes.len());
            let piece = bytes[from..from + random.below((bytes.len() - from).min(200))].to_vec();
            let at = random.below(bytes.len());
            bytes.splice(at..at, piece);
        }
        5 => {
            // Most bytes of a component are such numbers or part of one.
            for _ in 0..1 + random.below(3) {
                let at = random.below(bytes.len());
                const NUMBERS: [&[u8]; 7] = [
                    &[0xff, 0xff, 0xff, 0xff, 0x0f],
                    &[0xff, 0xff, 0xff, 0xff, 0x7f],
                    &[0x80, 0x80, 0x80, 0x80, 0x00],
                    &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
                    &[0x80],
                    &[0xff, 0x7f],
                    &[0xff, 0xff, 0x03],
                ];
                let number = NUMBERS[random.below(NUMBERS.len())];
                bytes.splice(at..=at, number.iter().copied());
            }
        }
        _ => {
            let sections = sections(bytes);
            if sections.len() > 1 {
                let (a, b) = (random.below(sections.len()), random.below(sections.len()));
                let mut order: Vec<&std::ops::Range<usize>> = sections.iter().collect();
                match kind {
                    6 => order.swap(a, b),
                    7 => order.insert(a, &sections[b]),
                    _ => {
                        order.remove(a);
                    }
                }
                let mut made = bytes[..8].to_vec();
                for section in order {
                    made.extend(&bytes[section.clone()]);
                }
                *bytes = made;
            }
        }
    }
    if bytes.is_empty() {
        bytes.push(0);
    }
    kind
}

/// Where the sections at the top are, with their id and length.
fn sections(bytes: &[u8]) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    let mut at = 8;
    while at < bytes.len() {
        let start = at;
        at += 1;
        let (mut length, mut shift) = (0usize, 0);
        loop {
            let Some(byte) = bytes.get(at) else {
                return found;
            };
            at += 1;
            length |= usize::from(byte & 127) << shift;
            shift += 7;
            if byte & 128 == 0 || shift > 28 {
                break;
            }
        }
        if length > bytes.len() - at {
            return found;
        }
        at += length;
        found.push(start..at);
    }
    found
}

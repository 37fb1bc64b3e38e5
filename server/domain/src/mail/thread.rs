//! The conversation index by which Outlook keeps mails of one thread together, where it ignores
//! `In-Reply-To` ([MS-OXOMSG] 2.2.1.3).

use uuid::Uuid;

/// Hundreds of nanoseconds between 1601 and 1970.
const TO_1970: u64 = 116_444_736_000_000_000;

fn file_time(id: Uuid) -> u64 {
    let (seconds, nanos) = id.get_timestamp().map_or((0, 0), |t| t.to_unix());
    TO_1970
        .saturating_add(seconds.saturating_mul(10_000_000))
        .saturating_add(u64::from(nanos) / 100)
}

/// The index of a mail: 22 bytes for the thread that `root` names, 5 more for a mail that is not its
/// first. Both are UUIDv7: their own times are used, so the same mail always has the same index.
#[must_use]
pub fn conversation_index(root: Uuid, mail: Option<Uuid>) -> Vec<u8> {
    let started = file_time(root);
    let mut index = Vec::with_capacity(27);
    // One reserved byte of the value 1, then five of the time: the first byte of a FILETIME is 1 until
    // the year 2057, so these are its upper six.
    index.push(1);
    index.extend_from_slice(&started.to_be_bytes()[1..6]);
    index.extend_from_slice(root.as_bytes());
    if let Some(mail) = mail {
        let later = file_time(mail).saturating_sub(started & !0xffff);
        // Up to 1.7 years the finer scale.
        let (coarse, delta) = if later >> 49 == 0 {
            (0_u32, later >> 18)
        } else {
            (1_u32 << 31, later >> 23)
        };
        let delta = u32::try_from(delta & 0x7fff_ffff).unwrap_or(0x7fff_ffff);
        index.extend_from_slice(&(coarse | delta).to_be_bytes());
        // Four random bits and the level; the identity's last byte is random and stays the same.
        index.push((mail.as_bytes()[15] & 0xf0) | 1);
    }
    index
}

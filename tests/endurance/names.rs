//! What people call their boards: plainly, all the same, in every script, and as if to break something.

const POOL: &[&str] = &[
    "Sprint",
    "Sprint",
    "Plans",
    "Q3: Launch / Berlin",
    "🎉🎉 Party 🎉🎉",
    "👨‍👩‍👧‍👦 Family",
    "مرحبا بالعالم",
    "שלום \u{202e}abc",
    "東京オフィス",
    "a*b+c?d|e\\f\"g<h>i",
    "<script>alert(1)</script>",
    "'; DROP TABLE board; --",
    "{workspace} {board}",
    "   spaces   ",
    " ",
    "\u{0}\u{1}\u{7}",
    "two\nlines\tand a tab",
    "trailing dot.",
    "..",
    "CON",
    "e\u{301}e\u{301} cafe\u{301}",
    "\u{feff}BOM",
    "\u{a0}no-break\u{a0}",
    "Ⅷ ﬁ ẞ ı İ",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝕭𝖔𝖆𝖗𝖉",
    "Trello board 64f0c0ffee0123456789abcd",
    "Trello integration",
    "%2F%00&name=x#y",
    "_____",
];

/// A name for a board.
pub(crate) fn any(chance: &mut fastrand::Rng) -> String {
    match chance.u8(..10) {
        0..=5 => chance.choice(POOL).copied().unwrap_or("Sprint").to_owned(),
        6 => format!("Board {}", chance.u16(..)),
        7 => chance
            .choice(["ab: ", "é/", "語", "e\u{301}"])
            .unwrap_or("a")
            .repeat(chance.usize(40..150)),
        8 => "🚀".repeat(chance.usize(80..90)),
        _ => letters(chance, 1..40),
    }
}

fn letters(chance: &mut fastrand::Rng, length: std::ops::Range<usize>) -> String {
    let length = chance.usize(length);
    (0..length).map(|_| chance.char(..)).collect()
}

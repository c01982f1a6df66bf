//! What DocSpace makes of a title, and how its database compares tags.

/// Longer titles are refused, counted in UTF-16 units (`CreateRoomRequestDto.cs`, `[StringLength(170)]`).
pub(super) const LONGEST: usize = 170;

pub(super) fn units(title: &str) -> usize {
    title.encode_utf16().count()
}

/// Trims, then makes an underscore of every character that a file name may not have, and one of *each half* of a
/// surrogate pair: an emoji becomes two (`products/ASC.Files/Core/Helpers/Global.cs`, ``[\t*\+:"<>?|\\/\p{Cs}]``).
pub(super) fn sanitised(title: &str) -> String {
    let mut clean = String::with_capacity(title.len());
    for letter in title.trim().chars() {
        match letter {
            '\t' | '*' | '+' | ':' | '"' | '<' | '>' | '?' | '|' | '\\' | '/' => clean.push('_'),
            beyond if beyond.len_utf16() == 2 => clean.push_str("__"),
            letter => clean.push(letter),
        }
    }
    clean
}

/// Two texts are the same to a column of collation `utf8_general_ci` when these are: no case, no accents (of Latin
/// letters), no trailing blanks.
pub(super) fn collated(text: &str) -> String {
    text.trim_end_matches(' ')
        .chars()
        .flat_map(char::to_lowercase)
        .map(base)
        .collect()
}

fn base(letter: char) -> char {
    match letter {
        'à'..='å' | 'ā' | 'ă' | 'ą' => 'a',
        'ç' | 'ć' | 'č' => 'c',
        'ď' => 'd',
        'è'..='ë' | 'ē' | 'ė' | 'ę' | 'ě' => 'e',
        'ğ' => 'g',
        'ì'..='ï' | 'ī' | 'į' | 'ı' => 'i',
        'ñ' | 'ń' | 'ň' => 'n',
        'ò'..='ö' | 'ō' | 'ő' => 'o',
        'ř' => 'r',
        'ś' | 'š' | 'ş' | 'ß' => 's',
        'ť' => 't',
        'ù'..='ü' | 'ū' | 'ů' | 'ű' => 'u',
        'ý' | 'ÿ' => 'y',
        'ź' | 'ż' | 'ž' => 'z',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_emoji_becomes_two_underscores_and_letters_of_any_script_stay() {
        assert_eq!(
            sanitised("  Plan 🚀: Köln/東京 & 'co' "),
            "Plan ___ Köln_東京 & 'co'"
        );
        assert_eq!(units("🚀"), 2);
    }

    #[test]
    fn tags_are_compared_without_case_accents_and_trailing_blanks() {
        assert_eq!(collated("Trello Boärd AB  "), collated("trello board ab"));
        assert_ne!(collated(" a"), collated("a"));
    }
}

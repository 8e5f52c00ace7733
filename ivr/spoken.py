"""Numbers as they are spoken, so that no speech engine has to guess, and what is said with them."""

_ZH_DIGITS = "零一二三四五六七八九"
_ZH_UNITS = ("", "十", "百", "千")
_EN_TEENS = (
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
)
_EN_SMALL = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", *_EN_TEENS)
_EN_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")

MOST = 9999
"The greatest number that is spoken in words."


def number_words(number: int, language: str) -> str:
    """A number from 0 to 9999 in words; beyond that its digits, for the engine to read."""
    if not 0 <= number <= MOST:
        return str(number)
    return _chinese(number) if language == "zh" else _english(number)


def _chinese(number: int) -> str:
    if number < 10:
        return _ZH_DIGITS[number]
    spoken, gap = "", False
    for unit, digit in reversed(list(enumerate(map(int, reversed(str(number)))))):
        if digit == 0:
            gap = True
            continue
        spoken += (_ZH_DIGITS[0] if gap and spoken else "") + _ZH_DIGITS[digit] + _ZH_UNITS[unit]
        gap = False
    return spoken.removeprefix("一") if 10 <= number < 20 else spoken  # 十二, never 一十二


def _english(number: int) -> str:
    if number < 20:
        return _EN_SMALL[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return _EN_TENS[tens] + (f"-{_EN_SMALL[ones]}" if ones else "")
    size, name = (1000, "thousand") if number >= 1000 else (100, "hundred")
    many, rest = divmod(number, size)
    joint = " and " if rest < 100 else " "
    return f"{_english(many)} {name}" + (f"{joint}{_english(rest)}" if rest else "")


def position_words(position: int, language: str) -> str:
    """What a waiting caller is told of the place in the queue; 1 is next."""
    if language == "zh":
        return "您是下一位，请稍候。" if position == 1 else f"您现在排在第{number_words(position, 'zh')}位，请稍候。"
    if position == 1:
        return "You are next in line. Please hold."
    return f"You are number {number_words(position, 'en')} in line. Please hold."

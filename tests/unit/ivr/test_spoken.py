"""Numbers are spoken as people say them."""

import pytest

from ivr.spoken import number_words, position_words


@pytest.mark.parametrize(
    ("number", "zh", "en"),
    [
        (0, "零", "zero"),
        (7, "七", "seven"),
        (10, "十", "ten"),
        (12, "十二", "twelve"),
        (20, "二十", "twenty"),
        (45, "四十五", "forty-five"),
        (100, "一百", "one hundred"),
        (105, "一百零五", "one hundred and five"),
        (110, "一百一十", "one hundred and ten"),
        (999, "九百九十九", "nine hundred and ninety-nine"),
        (1000, "一千", "one thousand"),
        (1005, "一千零五", "one thousand and five"),
        (1050, "一千零五十", "one thousand and fifty"),
        (2345, "二千三百四十五", "two thousand three hundred and forty-five"),
        (12345, "12345", "12345"),
    ],
)
def test_number_is_spoken_in_words(number: int, zh: str, en: str) -> None:
    assert number_words(number, "zh") == zh
    assert number_words(number, "en") == en


def test_next_in_line_is_told_so_and_others_their_number() -> None:
    assert position_words(1, "zh") == "您是下一位，请稍候。"
    assert position_words(12, "zh") == "您现在排在第十二位，请稍候。"
    assert position_words(1, "en") == "You are next in line. Please hold."
    assert position_words(3, "en") == "You are number three in line. Please hold."

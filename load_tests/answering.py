"""Who answers: the core's judgement on speech of many voices, people and machines, and on speech without either.

`make answering`. People are what espeak-ng and flite say shortly, in several languages, voices and speeds, after a
silence; machines are longer greetings, of the same voices and of Asterisk's recorded prompts, with Asterisk's beep.
All prompts of six recorded voices must tell no tone of the network. The figures go to results/answering.json.
"""

import itertools
import json
import random
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

from ivr import audio
from ivr.audio import RATE_HZ, Samples

ROOT = Path(__file__).parent.parent
SOUNDS = Path("/usr/share/asterisk/sounds")
VOICES = ("en_US_f_Allison", "es_MX_f_Allison", "fr_CA_f_June", "it_IT_m_Carlo", "ru_RU_f_IvrvoiceRU")
NETWORK = ("ring_back", "busy", "congestion", "special_information")

PEOPLE = {
    "en-us": ("Hello?", "Yes?", "Hello, this is Mary.", "Good morning, Smith speaking.", "Hi, how are you?"),
    "de": ("Hallo?", "Schmidt.", "Ja bitte?", "Guten Tag, hier ist Anna."),
    "es": ("Diga?", "Bueno?", "Hola, buenos días."),
    "fr-fr": ("Allô?", "Oui, allô?", "Bonjour, ici Marie."),
    "it": ("Pronto?", "Sì, pronto, chi parla?"),
    "cmn": ("喂?", "喂，你好。", "你好，我是小王。"),
    "ru": ("Алло?", "Да, слушаю."),
}
MACHINES = {
    "en-us": (
        "Hello, you have reached the voice mail of John Smith. Please leave a message after the tone.",
        "Hi, this is Mary. I can't come to the phone right now. Leave your name and number and I will call you back.",
        "The person you are calling is not available. At the tone, please record your message.",
    ),
    "de": ("Guten Tag, sie sind verbunden mit dem Anschluss von Anna Schmidt. Bitte sprechen sie nach dem Ton.",),
    "es": ("Hola, en este momento no puedo atenderle. Deje su mensaje después de la señal.",),
    "fr-fr": ("Bonjour, vous êtes bien chez Marie. Laissez votre message après le bip sonore.",),
    "it": ("Risponde la segreteria telefonica. Lasciate un messaggio dopo il segnale acustico.",),
    "cmn": ("您好，您拨打的电话暂时无人接听，请在提示音后留言。",),
    "ru": ("Здравствуйте, вы позвонили Ивану. Оставьте сообщение после сигнала.",),
}
RECORDED = (
    "vm-intro",
    "vm-theperson+vm-isunavail+vm-intro",
    "vm-nobodyavail+vm-intro",
    "vm-rec-temp",
    "vm-mailboxfull",
)


def spoken(words: str, voice: str, speed: int, folder: Path) -> Samples:
    """What espeak-ng says, at the common level and without silence around it."""
    path = folder / "spoken.wav"
    subprocess.run(["espeak-ng", "-v", voice, "-s", str(speed), "-w", str(path), words], check=True)
    return audio.as_speech(audio.decode(path))


def flite(words: str, voice: str, folder: Path) -> Samples:
    path = folder / "spoken.wav"
    subprocess.run(["flite", "-voice", voice, "-t", words, "-o", str(path)], check=True)
    return audio.as_speech(audio.decode(path))


def recorded(name: str, voice: str) -> Samples:
    parts = [audio.decode(SOUNDS / voice / f"{part}.wav") for part in name.split("+")]
    samples: Samples = np.concatenate(parts)
    return samples


def on_line(speech: Samples, chance: random.Random) -> Samples:
    """After a silence of 0.2 to 1.5 s, at -30 to -18 dBFS, with noise at -65 to -50 dBFS."""
    gain = 10 ** (chance.uniform(-10, 2) / 20)
    silence = np.zeros(int(RATE_HZ * chance.uniform(0.2, 1.5)), dtype=np.float32)
    line = np.concatenate([silence, speech * np.float32(gain), np.zeros(3 * RATE_HZ, dtype=np.float32)])
    noise = np.random.default_rng(chance.getrandbits(32)).standard_normal(line.size).astype(np.float32)
    noisy: Samples = line + noise * np.float32(10 ** (chance.uniform(-65, -50) / 20))
    return noisy


def people(folder: Path) -> list[tuple[str, Samples]]:
    made = []
    for voice, said in PEOPLE.items():
        for words, (variant, speed) in itertools.product(said, (("", 150), ("+f3", 180), ("+m4", 210))):
            made.append((f"espeak {voice}{variant} {words}", spoken(words, voice + variant, speed, folder)))
    for voice, words in itertools.product(("slt", "rms", "awb"), PEOPLE["en-us"]):
        made.append((f"flite {voice} {words}", flite(words, voice, folder)))
    return made


def machines(folder: Path) -> list[tuple[str, Samples]]:
    made = []
    for voice, said in MACHINES.items():
        for words, (variant, speed) in itertools.product(said, (("", 150), ("+f3", 180), ("+m4", 210))):
            made.append((f"espeak {voice}{variant} {words}", spoken(words, voice + variant, speed, folder)))
    for voice, words in itertools.product(("slt", "rms", "awb"), MACHINES["en-us"]):
        made.append((f"flite {voice} {words}", flite(words, voice, folder)))
    for voice, name in itertools.product(VOICES, RECORDED):
        made.append((f"{voice} {name}", recorded(name, voice)))
    beep = audio.decode(SOUNDS / VOICES[0] / "beep.wav")
    pause = np.zeros(RATE_HZ // 2, dtype=np.float32)
    return [(name, np.concatenate([speech, pause, beep])) for name, speech in made]


def judged(paths: list[Path]) -> list[list[str]]:
    """What the core tells of each file, in order."""
    command = [str(ROOT / "target/quick/examples/call_progress"), *map(str, paths)]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return [[word.split("@")[0] for word in line.rsplit("ms", 1)[-1].split()] for line in lines]


def judge(kind: str, calls: list[tuple[str, Samples]], folder: Path) -> dict[str, object]:
    chance = random.Random(4)
    paths = []
    for n, (_, speech) in enumerate(calls):
        paths.append(folder / f"{kind}-{n}.wav")
        audio.write(on_line(speech, chance), paths[-1])
    told = judged(paths)
    who = Counter(
        next((each for each in signals if each in ("human", "machine", "unknown")), "none") for signals in told
    )
    for (name, _), signals in zip(calls, told, strict=True):
        if kind not in signals:
            print(f"{kind} {name}: {signals}")
    beeps = sum("beep" in signals for signals in told)
    network = sum(any(signal in NETWORK for signal in signals) for signals in told)
    return {"calls": len(calls), **who, "with_beep": beeps, "with_tone_of_network": network}


def prompts() -> dict[str, object]:
    """Every recorded prompt of every voice but those that are tones."""
    paths = [
        path
        for voice in VOICES
        for path in sorted((SOUNDS / voice).rglob("*.wav"))
        if path.stat().st_size > 100 and not any(word in path.stem for word in ("beep", "tone", "silence"))
    ]
    told = judged(paths)
    wrong = [
        (path.stem, signals) for path, signals in zip(paths, told, strict=True) if set(signals) & {*NETWORK, "beep"}
    ]
    print(f"prompts with a tone: {wrong}")
    seconds = sum(len(audio.decode(path)) / RATE_HZ for path in paths)
    network = sum(bool(set(signals) & set(NETWORK)) for _, signals in wrong)
    return {"prompts": len(paths), "minutes": round(seconds / 60), "beep": len(wrong) - network, "network": network}


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        figures = {
            "human": judge("human", people(folder), folder),
            "machine": judge("machine", machines(folder), folder),
            "prompts": prompts(),
        }
    (ROOT / "load_tests/results/answering.json").write_text(json.dumps(figures, indent=1) + "\n")
    json.dump(figures, sys.stdout, indent=1)


if __name__ == "__main__":
    main()

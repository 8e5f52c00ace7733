"""The SIP phone's own process: orders as JSON lines on standard input, what happens as JSON lines on standard output.

pjsua2 aborts the interpreter when a call outlives its endpoint and blocks while it works, so it shares a process with
nothing. Run by mediaswitch.demo.phone; the first line is the settings, see `Settings`.
"""

import gc
import json
import os
import select
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pjsua2 as pj


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a phone is started with; ports are UDP, 0 takes a free one."""

    bind: str = "127.0.0.1"
    sip_port: int = 0
    rtp_port: int = 0
    user: str = "phone"
    registrar: str | None = None
    password: str = ""
    transport: str = "udp"
    codec: str = "PCMU"
    auto_answer: bool = False
    srtp: bool = False
    "Media only over RTP/SAVP, with keys in the SDP (RFC 4568)."


def tell(event: str, **fields: object) -> None:
    """Write one event line, stamped with CLOCK_MONOTONIC."""
    sys.stdout.write(json.dumps({"event": event, "at_ns": time.monotonic_ns(), **fields}) + "\n")
    sys.stdout.flush()


class Call(pj.Call):  # type: ignore[misc]  # pjsua2 carries no types
    """One call; its callbacks only tell, and let the phone look after the sound."""

    def __init__(self, phone: "Phone", call_id: int = pj.PJSUA_INVALID_ID) -> None:
        super().__init__(phone.account, call_id)
        self._phone = phone

    def onCallState(self, prm: Any) -> None:  # noqa: N802  # pjsua2 calls it so
        info = self.getInfo()
        tell("call", state=info.stateText, code=info.lastStatusCode, reason=info.lastReason)
        if info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self._phone.ended = True

    def onCallMediaState(self, prm: Any) -> None:  # noqa: N802  # pjsua2 calls it so
        info = self.getInfo()  # kept by name: its media list dies with it
        media = [m for m in info.media if m.type == pj.PJMEDIA_TYPE_AUDIO]
        status = media[0].status if media else pj.PJSUA_CALL_MEDIA_NONE
        active = status in (pj.PJSUA_CALL_MEDIA_ACTIVE, pj.PJSUA_CALL_MEDIA_REMOTE_HOLD)
        names = {
            pj.PJSUA_CALL_MEDIA_ACTIVE: "active",
            pj.PJSUA_CALL_MEDIA_LOCAL_HOLD: "local_hold",
            pj.PJSUA_CALL_MEDIA_REMOTE_HOLD: "remote_hold",
        }
        tell("media", state=names.get(status, "none"))
        if active:
            self._phone.sound(self.getAudioMedia(media[0].index))
        else:
            self._phone.media = None

    def onDtmfDigit(self, prm: Any) -> None:  # noqa: N802  # pjsua2 calls it so
        tell("digit", digit=prm.digit)


class Account(pj.Account):  # type: ignore[misc]  # pjsua2 carries no types
    """The phone's line."""

    def __init__(self, phone: "Phone") -> None:
        super().__init__()
        self._phone = phone

    def onRegState(self, prm: Any) -> None:  # noqa: N802  # pjsua2 calls it so
        tell("registration", code=prm.code, reason=prm.reason, expires_s=prm.expiration)

    def onIncomingCall(self, prm: Any) -> None:  # noqa: N802  # pjsua2 calls it so
        self._phone.take(prm.callId)


class Phone:
    """One line, one call, one sound to play and one file to record to."""

    def __init__(self, settings: Settings) -> None:
        self.ended = False
        self.media: Any = None
        self.call: Call | None = None
        self._settings = settings
        self._player: Any = None
        self._recorder: Any = None
        self._endpoint = self._start_endpoint()
        self.account = self._open_account()

    def _start_endpoint(self) -> Any:
        endpoint = pj.Endpoint()
        endpoint.libCreate()
        config = pj.EpConfig()
        config.uaConfig.threadCnt = 0
        config.uaConfig.mainThreadOnly = True
        config.medConfig.noVad = True
        config.medConfig.ecTailLen = 0
        config.logConfig.level = config.logConfig.consoleLevel = 0
        endpoint.libInit(config)
        endpoint.audDevManager().setNullDev()
        transport = pj.TransportConfig()
        transport.port = self._settings.sip_port
        transport.boundAddress = self._settings.bind
        kind = pj.PJSIP_TRANSPORT_TCP if self._settings.transport == "tcp" else pj.PJSIP_TRANSPORT_UDP
        transport_id = endpoint.transportCreate(kind, transport)
        endpoint.libStart()
        for codec in endpoint.codecEnum2():
            endpoint.codecSetPriority(codec.codecId, 255 if codec.codecId.startswith(self._settings.codec) else 0)
        self.address = endpoint.transportGetInfo(transport_id).localName
        return endpoint

    def _open_account(self) -> Account:
        settings = self._settings
        config = pj.AccountConfig()
        suffix = ";transport=tcp" if settings.transport == "tcp" else ""
        host = settings.registrar or self.address
        config.idUri = f"sip:{settings.user}@{host}"
        if settings.registrar:
            config.regConfig.registrarUri = f"sip:{settings.registrar}{suffix}"
            config.sipConfig.authCreds.append(pj.AuthCredInfo("digest", "*", settings.user, 0, settings.password))
        media = config.mediaConfig.transportConfig
        media.boundAddress = media.publicAddress = settings.bind
        if settings.rtp_port:
            media.port, media.portRange = settings.rtp_port, 10
        if settings.srtp:
            config.mediaConfig.srtpUse = pj.PJMEDIA_SRTP_MANDATORY
            config.mediaConfig.srtpSecureSignaling = 0
        account = Account(self)
        account.create(config)
        return account

    def take(self, call_id: int) -> None:
        """Ring, or answer at once if so set; a second call is refused as busy."""
        self.forget_ended_call()  # a caller may be quicker than the loop that does it
        call = Call(self, call_id)
        answer = pj.CallOpParam()
        if self.call is not None:
            answer.statusCode = 486
            call.hangup(answer)
            return
        self.call = call
        tell("incoming", caller=call.getInfo().remoteUri)
        answer.statusCode = 200 if self._settings.auto_answer else 180
        call.answer(answer)

    def sound(self, media: Any) -> None:
        """Join player and recorder to the call's media, which each re-negotiation may replace."""
        self.media = media
        if self._player is not None:
            self._player.startTransmit(media)
        if self._recorder is not None:
            media.startTransmit(self._recorder)

    def do_call(self, uri: str) -> None:
        self.ended = False
        self.call = Call(self)
        self.call.makeCall(uri, pj.CallOpParam(True))

    def do_answer(self, code: int = 200) -> None:
        param = pj.CallOpParam()
        param.statusCode = code
        self._call.answer(param)

    def do_hangup(self) -> None:
        self._call.hangup(pj.CallOpParam())

    def do_hold(self) -> None:
        self._call.setHold(pj.CallOpParam())

    def do_resume(self) -> None:
        param = pj.CallOpParam(True)
        param.opt.flag = pj.PJSUA_CALL_UNHOLD
        self._call.reinvite(param)

    def do_digits(self, digits: str) -> None:
        self._call.dialDtmf(digits)

    def do_play(self, path: str, loop: bool = True) -> None:
        player = pj.AudioMediaPlayer()
        player.createPlayer(path, 0 if loop else pj.PJMEDIA_FILE_NO_LOOP)
        self._player = player
        if self.media is not None:
            player.startTransmit(self.media)

    def do_record(self, path: str | None) -> None:
        """Record to a new file from now; None closes the file that was being written."""
        if self._recorder is not None:
            if self.media is not None:
                self.media.stopTransmit(self._recorder)
            self._recorder = None
            gc.collect()
            self.pump(0.3)  # the header is written by and by
        if path is not None:
            self._recorder = pj.AudioMediaRecorder()
            self._recorder.createRecorder(path)
            if self.media is not None:
                self.media.startTransmit(self._recorder)
        tell("recording", path=path)

    def do_stats(self) -> None:
        stat = self._call.getStreamStat(0).rtcp
        tell(
            "stats",
            codec=self._call.getStreamInfo(0).codecName,
            received=stat.rxStat.pkt,
            lost=stat.rxStat.loss,
            sent=stat.txStat.pkt,
        )

    @property
    def _call(self) -> Call:
        if self.call is None:
            raise LookupError("no call")
        return self.call

    def pump(self, seconds: float, done: Callable[[], bool] = lambda: False) -> None:
        """Let pjsua2 work for so long, or until done."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not done():
            self._endpoint.libHandleEvents(10)

    def forget_ended_call(self) -> None:
        """Drop what belonged to a call that is over; a Call that outlives the endpoint aborts the process."""
        if self.ended:
            self.ended, self.media, self.call = False, None, None
            gc.collect()

    def close(self) -> None:
        """Hang up, close the files, sign off."""
        if self.call is not None and not self.ended:
            self.do_hangup()
            self.pump(2.0, lambda: self.ended)
        self._player = self._recorder = self.media = self.call = None
        gc.collect()
        self.pump(0.3)  # else a recorded WAV has no header
        self.account.shutdown()
        self._endpoint.libDestroy()


def obey(phone: Phone, line: str) -> None:
    """Carry out one order; a failure is told, it ends nothing."""
    order = json.loads(line)
    try:
        getattr(phone, "do_" + order.pop("do"))(**order)
    except (pj.Error, LookupError, AttributeError, TypeError) as error:
        tell("failed", order=line, reason=getattr(error, "reason", "") or str(error))


class Orders:
    """The lines of standard input, read without waiting (a buffered reader would keep lines from select)."""

    def __init__(self) -> None:
        self.ended = False
        self._rest = b""

    def take(self, *, wait_s: float = 0) -> list[str]:
        """Return the whole lines that are there; sets `ended` at the end of input."""
        if not select.select([0], [], [], wait_s)[0]:
            return []
        data = os.read(0, 65536)
        self.ended = not data
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [line.decode() for line in lines]


def main() -> None:
    """Serve orders until standard input ends."""
    orders = Orders()
    lines: list[str] = []
    while not lines and not orders.ended:
        lines = orders.take(wait_s=60)
    if not lines:
        return
    phone = Phone(Settings(**json.loads(lines.pop(0))))
    tell("ready", address=phone.address)
    while not orders.ended:
        for line in lines:
            obey(phone, line)
        phone.pump(0.01)
        phone.forget_ended_call()
        lines = orders.take()
    phone.close()
    os._exit(0)  # pjsua2's destructors may abort after all is done


if __name__ == "__main__":
    main()

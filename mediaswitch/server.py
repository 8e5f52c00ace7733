"""Server: builds every part from the settings, joins them, and takes them down again. Part of the composition root."""

import contextlib
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from aiohttp import web

from ivr.engines import make_engine
from ivr.errors import FlowErrors, IvrError
from ivr.flow import Flow, check_flows
from ivr.music import hold_music
from ivr.prompts import PromptLibrary
from ivr.runner import FlowRunner
from ivr.speech import SpeechEngine
from mediaswitch import _core
from mediaswitch.bus import Bus
from mediaswitch.clock import SystemClock, wall_time
from mediaswitch.config import Config, agent_id
from mediaswitch.exchange import Exchange, SessionChanged, VoiceCare
from mediaswitch.ids import QueueName, TenantId
from mediaswitch.media import CoreEvents
from mediaswitch.network import announced_ip, split_media_ports
from mediaswitch.numbers import QUEUE_PREFIX, NumberPlan
from mediaswitch.settings_file import SettingsError, load_settings, problem_at
from mediaswitch.store import Scribe, Store
from mediaswitch.timeline import Entry
from mediaswitch.timers import LoopTimers
from mediaswitch.users import UserDirectory, demo_password, hash_password
from recording.folders import Folders
from recording.keeper import Keeper
from recording.library import Library
from recording.recovery import recover
from routing.plan import AgentProfile, QueuePlan
from routing.router import Router
from signaling.sip.server import SipServer
from signaling.web.app import create_runner
from signaling.web.context import PublicEntry, WebServices
from signaling.web.tls import own_certificate, server_context
from signaling.web.tokens import load_key

log = logging.getLogger(__name__)

WEB_ROOT = Path(__file__).resolve().parent.parent / "webclient" / "dist"
"Where `make` puts the built pages."


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All that the settings say, checked by every part that has a say in it."""

    config: Config
    flows: dict[str, Flow]
    speech: SpeechEngine
    folder: Path
    "What file names in flows are relative to."


def load_all(path: Path) -> Settings:
    """Read and check the settings, flows included. Raises SettingsError."""
    config = load_settings(path)
    folder = path.resolve().parent
    try:
        flows = check_flows(config.flows, queues=_position_intervals(config), folder=folder)
    except FlowErrors as error:
        raise SettingsError(problem_at(path, place, reason) for place, reason in error.wrong) from error
    try:
        speech = _speech(config, folder)
    except IvrError as error:
        raise SettingsError([problem_at(path, ("speech", "engine"), str(error))]) from error
    return Settings(config=config, flows=flows, speech=speech, folder=folder)


def _position_intervals(config: Config) -> dict[str, float]:
    return {queue.name: queue.position_every_s for queue in config.queues}


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A server that runs: what the one who started it wants to know."""

    config: Config
    ip: str
    http_port: int
    sip_port: int
    demo_password: str | None


@contextlib.asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Running]:
    """The whole server, from the first socket to the last; leaving the block ends every session and closes all.

    Raises OSError when a port or the data folder cannot be had.
    """
    config = settings.config
    data = config.server.data_dir
    data.mkdir(parents=True, exist_ok=True)
    ip = announced_ip(config)
    clock, bus = SystemClock(), Bus()
    timers = LoopTimers(clock)
    async with contextlib.AsyncExitStack() as stack:
        core = _open_core(config, clock, ip)
        stack.callback(core.close)

        store = Store(f"sqlite+aiosqlite:///{data / 'mediaswitch.db'}")
        await store.open()
        stack.push_async_callback(store.close)
        scribe = Scribe(store)
        bus.subscribe(Entry, scribe.add_entry)
        bus.subscribe(SessionChanged, lambda changed: scribe.add_session(changed.session))
        scribe.start()
        stack.push_async_callback(scribe.close)

        folders = Folders(data / "recordings", enabled=config.recording.enabled)
        await recover(folders, store)
        music = hold_music(data / "prompts")
        exchange = Exchange(
            core=core,
            clock=clock,
            bus=bus,
            numbers=_number_plan(config),
            folders=folders,
            hold_music=music,
            default_language=config.server.language,
            phone_voices=VoiceCare(noise_suppression=config.media.noise_suppression, auto_gain=config.media.auto_gain),
        )
        keeper = Keeper(folders, bus, on_failure=exchange.recording_failed)
        keeper.start()
        stack.push_async_callback(keeper.close)
        library = Library(folders, store, clock)
        stack.push_async_callback(library.close)

        router = Router(
            exchange=exchange, bus=bus, clock=clock, timers=timers, queues=_queues(config), agents=_agents(config)
        )
        runner = FlowRunner(
            exchange=exchange,
            bus=bus,
            clock=clock,
            timers=timers,
            prompts=PromptLibrary(data / "prompts", settings.speech),
            flows=settings.flows,
            queues=_position_intervals(config),
            folder=settings.folder,
            hold_music=music,
        )
        runner.start()
        stack.push_async_callback(runner.close)

        events = CoreEvents(core, exchange.handle_core_event)
        events.start()
        stack.callback(events.stop)
        stack.push_async_callback(exchange.wait_recordings_closed, timeout_s=5.0)

        sip = SipServer(config, ip=ip, exchange=exchange, clock=clock)
        sip_port = await sip.start()
        stack.push_async_callback(sip.close)
        exchange.dialer = sip

        password = demo_password(data) if config.server.demo else None
        services = WebServices(
            exchange=exchange,
            bus=bus,
            clock=clock,
            agents=router,
            users=UserDirectory(config, demo_hash=None if password is None else hash_password(password)),
            timelines=store,
            recordings=library,
            token_key=load_key(data / "token.key"),
            entries=_entries(config),
            allowed_origins=frozenset(config.http.allowed_origins),
            web_root=WEB_ROOT if WEB_ROOT.is_dir() else None,
            media_counters=core.counters,
            media_loads=core.loads,
            sip_figures=sip.figures,
            ready=lambda: exchange.accepting,
        )
        http_port = await _serve_web(config, services, stack, ip=ip, clock=clock)
        stack.callback(exchange.shut_down)
        yield Running(config=config, ip=ip, http_port=http_port, sip_port=sip_port, demo_password=password)


def _open_core(config: Config, clock: SystemClock, ip: str) -> _core.MediaCore:
    webrtc_port, rtp_ports = split_media_ports(config)
    return _core.MediaCore(
        workers=config.media.workers,
        bind_ip=config.server.bind_ip,
        public_ip=ip,
        rtp_ports=rtp_ports,
        webrtc_port=webrtc_port,
        clock_offset_ns=clock.offset_ns,
        media_timeout_ms=int(config.media.timeout_s * 1000),
        ice_tcp=config.media.ice_tcp,
        opus_dtx=config.media.opus_dtx,
        loudest_talkers=config.media.loudest_talkers,
        bind_ip6=config.server.bind_ip6,
        public_ip6=config.server.public_ip6,
    )


def _number_plan(config: Config) -> NumberPlan:
    routes = [number.route() for number in config.numbers]
    return NumberPlan(routes, queues=[QueueName(queue.name) for queue in config.queues])


def _queues(config: Config) -> list[QueuePlan]:
    return [
        QueuePlan(
            name=QueueName(queue.name),
            label=cast(dict[str, str], queue.label),
            offer_timeout_s=queue.offer_timeout_s,
            wrap_up_s=queue.wrap_up_s,
            service_level_s=queue.service_level_s,
        )
        for queue in config.queues
    ]


def _agents(config: Config) -> list[AgentProfile]:
    return [
        AgentProfile(
            id=agent_id(user),
            tenant=TenantId(user.tenant),
            name=user.display_name,
            queues=tuple(QueueName(name) for name in user.queues),
        )
        for user in config.agents
    ]


def _speech(config: Config, folder: Path) -> SpeechEngine:
    voices = {str(language): voice for language, voice in config.speech.voices.items()}
    return make_engine(config.speech.engine, voices=voices, speed_wpm=config.speech.speed_wpm, folder=folder)


def _entries(config: Config) -> list[PublicEntry]:
    """What a customer's page may call: the numbers with a flow or a queue, and the queues themselves."""
    numbers = [number.number for number in config.numbers if number.bridge is None]
    named = [PublicEntry(to=number, label={"zh": f"总机 {number}", "en": f"Main line {number}"}) for number in numbers]
    queues = [
        PublicEntry(to=QUEUE_PREFIX + queue.name, label=cast(dict[str, str], queue.label)) for queue in config.queues
    ]
    return [*named, *queues]


async def _serve_web(
    config: Config, services: WebServices, stack: contextlib.AsyncExitStack, *, ip: str, clock: SystemClock
) -> int:
    """Open the HTTPS socket; returns its port."""
    if config.http.certificate is not None and config.http.private_key is not None:
        certificate, key = config.http.certificate, config.http.private_key
    else:
        certificate, key = own_certificate(config.server.data_dir, now=wall_time(clock.now()), addresses=[ip])
    runner = create_runner(services)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    site = web.TCPSite(
        runner,
        config.server.bind_ip,
        config.http.port,
        ssl_context=server_context(certificate, key),
        reuse_address=True,
    )
    await site.start()
    return int(runner.addresses[0][1])

"""Figures for Prometheus, read from the living parts when asked; only requests are counted here."""

import asyncio
import re
import time
from collections import Counter
from collections.abc import Iterable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client import Counter as PrometheusCounter
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from mediaswitch.services import AgentState
from mediaswitch.session import SessionState
from mediaswitch.timeline import Entry, MediaMeasured, TrackQuality
from signaling.web.context import Context

PATH = "/metrics"
_OPEN_NOW = ("ports", "rtp_ports", "webrtc_ports", "players", "recorders", "crosspoints", "open_files")
_TOTALS = (
    "packets_in",
    "packets_out",
    "malformed",
    "ignored",
    "send_errors",
    "late_ticks",
    "events_lost",
    "recording_lost",
)
"The fields of _core.Counters, by whether they fall again."
_STAGES = ("calm", "refusing", "thinning", "bare")


class SwitchCollector(Collector):
    """Sessions, queues, agents, sockets, the media core and SIP, as they are at this moment."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._services = context.services

    def collect(self) -> Iterable[Metric]:
        yield self._sessions()
        yield from self._desks()
        yield self._gauge("asyncio_tasks", "Tasks of the event loop.", len(asyncio.all_tasks()))
        yield self._gauge("live_sockets", "WebSockets that have said hello.", self._context.hub.size)
        yield self._counter("live_sockets_dropped", "WebSockets dropped as too slow.", self._context.sockets.dropped)
        yield from self._media()
        yield from self._workers()
        yield from self._sip()

    def _gauge(self, name: str, words: str, value: float) -> Metric:
        return GaugeMetricFamily(f"mediaswitch_{name}", words, value=value)

    def _counter(self, name: str, words: str, value: float) -> Metric:
        return CounterMetricFamily(f"mediaswitch_{name}", words, value=value)

    def _sessions(self) -> Metric:
        family = GaugeMetricFamily("mediaswitch_sessions", "Sessions in memory.", labels=["tenant", "state"])
        counted = Counter((session.tenant, session.state) for session in self._services.exchange.sessions())
        for tenant in self._services.tenants:
            for state in SessionState:
                family.add_metric([tenant, state], counted[(tenant, state)])
        return family

    def _desks(self) -> Iterable[Metric]:
        agents = GaugeMetricFamily("mediaswitch_agents", "Agents.", labels=["tenant", "state"])
        waiting = GaugeMetricFamily("mediaswitch_queue_waiting", "Waiting sessions.", labels=["tenant", "queue"])
        for tenant in self._services.tenants:
            counted = Counter(agent.state for agent in self._services.agents.list(tenant))
            for state in AgentState:
                agents.add_metric([tenant, state], counted[state])
            for queue in self._services.agents.queues(tenant):
                waiting.add_metric([tenant, queue.name], queue.waiting)
        return agents, waiting

    def _workers(self) -> Iterable[Metric]:
        busy = GaugeMetricFamily("mediaswitch_media_worker_busy_ratio", "Share of a core, 0 to 1.", labels=["worker"])
        stage = GaugeMetricFamily(
            "mediaswitch_media_worker_overload", "0 calm, 1 refusing, 2 thinning, 3 bare.", labels=["worker"]
        )
        for worker, load in enumerate(self._services.media_loads()):
            busy.add_metric([str(worker)], load.busy)
            stage.add_metric([str(worker)], _STAGES.index(load.stage))
        return busy, stage

    def _media(self) -> Iterable[Metric]:
        if self._services.media_counters is None:
            return
        counters = self._services.media_counters()
        for name in _OPEN_NOW:
            yield self._gauge(f"media_{name}", f"Media core: {name} now.", getattr(counters, name))
        for name in _TOTALS:
            yield self._counter(f"media_{name}", f"Media core: {name} since the start.", getattr(counters, name))

    def _sip(self) -> Iterable[Metric]:
        if self._services.sip_figures is None:
            return
        for name, value in self._services.sip_figures().items():
            plain = re.sub(r"[^a-z0-9_]", "_", name.lower())
            if plain.startswith("open_"):
                yield self._gauge(f"sip_{plain}", f"SIP: {name} now.", value)
            else:
                yield self._counter(f"sip_{plain}", f"SIP: {name} since the start.", value)


class MediaHistograms:
    """How tracks passed, counted once when each ends: by medium and direction, never by call."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def histogram(name: str, words: str, buckets: tuple[float, ...], *more: str) -> Histogram:
            labels = ["kind", "direction", *more]
            return Histogram(f"mediaswitch_track_{name}", words, labels, buckets=buckets, registry=registry)

        scores = (1.5, 2, 2.5, 3, 3.5, 3.8, 4, 4.2, 4.3, 4.4)
        self._mos = histogram("mos", "E-model score (ITU-T G.107, wideband G.107.1).", scores, "scale")
        self._loss = histogram("loss_ratio", "Packets lost, 0 to 1.", (0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2))
        self._jitter = histogram("jitter_seconds", "Interarrival jitter.", (0.001, 0.005, 0.01, 0.02, 0.03, 0.06, 0.1))
        self._rtt = histogram("rtt_seconds", "Round trip by RTCP.", (0.01, 0.03, 0.06, 0.1, 0.15, 0.3, 0.6, 1))

    def note(self, entry: Entry) -> None:
        """Count the tracks of a leg whose media ended."""
        if isinstance(entry.event, MediaMeasured):
            for track in entry.event.tracks:
                self._observe(track)

    def _observe(self, track: TrackQuality) -> None:
        labels = (track.kind, track.direction)
        self._loss.labels(*labels).observe(track.loss)
        self._jitter.labels(*labels).observe(track.jitter_ms / 1e3)
        if track.rtt_ms is not None:
            self._rtt.labels(*labels).observe(track.rtt_ms / 1e3)
        if track.mos is not None:
            self._mos.labels(*labels, track.mos_scale).observe(track.mos)


class Metrics:
    """One registry for each app; nothing of the process is shared."""

    def __init__(self, context: Context) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(SwitchCollector(context))
        labels = ["method", "route", "status"]
        self._requests = PrometheusCounter(
            "mediaswitch_http_requests", "HTTP requests.", labels, registry=self._registry
        )
        self._seconds = Histogram(
            "mediaswitch_http_request_seconds", "Time to answer.", ["method", "route"], registry=self._registry
        )
        quality = MediaHistograms(self._registry)
        context.services.bus.subscribe(Entry, quality.note)

    async def show(self, request: web.Request) -> web.Response:
        """Prometheus text format 0.0.4."""
        body = generate_latest(self._registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})

    def middleware(self) -> Middleware:
        @web.middleware
        async def count(request: web.Request, handler: Handler) -> web.StreamResponse:
            started = time.perf_counter()
            response = await handler(request)
            route = _route_of(request)
            self._requests.labels(_method_of(request), route, str(response.status)).inc()
            if not isinstance(response, web.WebSocketResponse):
                self._seconds.labels(_method_of(request), route).observe(time.perf_counter() - started)
            return response

        return count


def _route_of(request: web.Request) -> str:
    """The pattern, never the path: labels must not grow with what strangers ask for."""
    resource = request.match_info.route.resource
    return "unknown" if resource is None else resource.canonical


def _method_of(request: web.Request) -> str:
    return request.method if request.method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS") else "other"

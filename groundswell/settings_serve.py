"""The settings of ``serve``; ``Settings`` has them with all others."""

from pydantic import BaseModel, Field, field_validator


class ServeSettings(BaseModel):
    """Where the API listens, and what one client may ask of it."""

    serve_host: str = Field("127.0.0.1", description="Where the API of `serve` listens.")
    serve_port: int = Field(8080, ge=0, le=65_535, description="Its port; 0: any free one, logged.")
    serve_requests_a_minute: int = Field(
        600, ge=1, le=1_000_000, description="Requests a minute of one key, on the average."
    )
    serve_burst: int = Field(
        120, ge=1, le=100_000, description="Requests that one key may make at once."
    )
    serve_max_body_bytes: int = Field(
        4_194_304, ge=1024, le=64 * 1_048_576, description="Larger bodies are refused."
    )
    serve_news_items: int = Field(
        1000, ge=1, le=10_000, description="News items in one request at most."
    )
    serve_streams: int = Field(
        2000, ge=1, le=100_000, description="Streams of events that are open at once at most."
    )
    serve_poll_ms: int = Field(
        500, ge=20, le=60_000, description="How often the records are asked for new transitions."
    )
    serve_slow_seconds: float = Field(
        30.0,
        gt=0.0,
        le=600.0,
        description="A client of a stream that takes nothing for so long is cut off.",
    )
    serve_origins: tuple[str, ...] = Field(
        (), description="Origins whose pages may call the API (CORS); none by default."
    )

    @field_validator("serve_origins")
    @classmethod
    def _origins(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        for text in texts:
            if text == "*" or not text.startswith(("http://", "https://")):
                raise ValueError("each must be like https://desk.example.com; * is not taken")
        return texts

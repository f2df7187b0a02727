from studio_fixtures import no_leaks, qt_loop  # noqa: F401

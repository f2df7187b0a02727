"""What all tests share: windows are never shown on the developer's own screen by chance."""

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

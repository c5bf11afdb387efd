"""Thin doors from web frameworks to ``Redirector.handle``. Import the one you need; nothing else is imported."""

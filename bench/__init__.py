"""Measurements of the promises in numbers; nothing here is imported by the product."""

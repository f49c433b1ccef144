"""Founding a cooperative on this node, and everything that brings people in by invitation (SPEC §7, §8.2,
§8.4).
"""

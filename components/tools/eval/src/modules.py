"""What is imported while the component is built, so that a call finds it.

A script can import these and no others: there is no folder to import from.
"""

import collections
import csv
import datetime
import decimal
import fractions
import io
import itertools
import json
import math
import random
import re
import statistics
import string
import textwrap

# The rest of the standard library, as far as it needs no system.
import abc  # noqa: F401
import array  # noqa: F401
import ast  # noqa: F401
import base64  # noqa: F401
import binascii  # noqa: F401
import bisect  # noqa: F401
import calendar  # noqa: F401
import cmath  # noqa: F401
import codecs  # noqa: F401
import colorsys  # noqa: F401
import configparser  # noqa: F401
import contextlib  # noqa: F401
import copy  # noqa: F401
import dataclasses  # noqa: F401
import difflib  # noqa: F401
import email.message  # noqa: F401
import email.parser  # noqa: F401
import enum  # noqa: F401
import fnmatch  # noqa: F401
import functools  # noqa: F401
import graphlib  # noqa: F401
import hashlib  # noqa: F401
import heapq  # noqa: F401
import hmac  # noqa: F401
import html.parser  # noqa: F401
import inspect  # noqa: F401
import ipaddress  # noqa: F401
import keyword  # noqa: F401
import locale  # noqa: F401
import numbers  # noqa: F401
import operator  # noqa: F401
import pathlib  # noqa: F401
import pprint  # noqa: F401
import queue  # noqa: F401
import reprlib  # noqa: F401
import secrets  # noqa: F401
import shlex  # noqa: F401
import struct  # noqa: F401
import time  # noqa: F401
import tokenize  # noqa: F401
import tomllib  # noqa: F401
import traceback  # noqa: F401
import types  # noqa: F401
import typing  # noqa: F401
import unicodedata  # noqa: F401
import urllib.parse  # noqa: F401
import uuid  # noqa: F401
import weakref  # noqa: F401
import xml.etree.ElementTree  # noqa: F401
import zoneinfo  # noqa: F401

#: What an expression can use by name.
FOR_DATA = {
    module.__name__: module
    for module in (
        collections,
        csv,
        datetime,
        decimal,
        fractions,
        io,
        itertools,
        json,
        math,
        random,
        re,
        statistics,
        string,
        textwrap,
    )
}

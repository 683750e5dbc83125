"""One pothole's story, for the document: what a phone and a crew's tablet send, and one answer.

Its place lies in the county of the tests, which send these bodies as they stand.
"""

from typing import Any, Final

_REPORT: Final = "0b6f1f6e-8a52-4c55-9a1f-0d5a3f2f6f10"
_JOB: Final = "c2a4b9f0-6d1e-4f7b-8a3c-5e9d7b1a2c34"
_OTHER: Final = "9e1c7a52-3f4b-4d8e-a6c0-2b7d5f9e1c34"
_UPDATE: Final = "4a6d8f02-7c1b-4e3a-9d5f-8b0c2e4a6d81"
_PHOTO: Final = "7d0f4c1e-92b3-4b6a-8f55-1c2d3e4f5a6b"
_DEVICE: Final = "5f2c9a70-1b3d-4e5f-8a6b-7c8d9e0f1a2b"

#: Bodies by operation: name → summary and value.
REQUESTS: Final[dict[str, dict[str, dict[str, Any]]]] = {
    "createReport": {
        "pothole": {
            "summary": "A pothole, by somebody who wishes to hear back",
            "value": {
                "category": "pothole",
                "location": {"lat": 52.0105, "lng": -0.9895, "accuracy_m": 8},
                "description": "Deep hole by the bus stop, full of water",
                "answers": {"where": "carriageway", "depth": "over_7cm", "width": "30_to_60cm"},
                "contact": {"email": "ann@example.org", "language": "en", "updates": ["email"]},
            },
        },
        "in_words": {
            "summary": "A place in words, where there is no position",
            "value": {
                "category": "fly_tipping",
                "place_text": "The lay-by opposite the garden centre",
                "authority": "west",
                "answers": {
                    "size": "car_boot",
                    "waste": "household_other",
                    "land": "highway",
                },
            },
        },
    },
    "giveFeedback": {
        "not_fixed": {
            "summary": "It was said to be fixed, and is not",
            "value": {"fixed": False, "description": "The patch has washed out again"},
        },
        "fixed": {"summary": "It is mended", "value": {"fixed": True}},
    },
    "setContact": {
        "stop": {"summary": "No more e-mail", "value": {"name": "Ann", "email": "ann@example.org"}},
        "nothing": {"summary": "Keep nothing to reach me by", "value": {}},
    },
    "mergeJob": {
        "same": {"summary": "The same defect, twice", "value": {"into": _OTHER}},
    },
    "splitJob": {
        "apart": {"summary": "This one is another hole", "value": {"reports": [_REPORT]}},
    },
    "updateJobs": {
        "team": {
            "summary": "To another team",
            "value": {
                "jobs": [{"job": _JOB, "id": _UPDATE, "base_version": 1}],
                "made_at": "2026-11-23T14:40:00Z",
                "team": "cleansing",
            },
        },
    },
    "undoUpdates": {
        "back": {
            "summary": "Back to what it was",
            "value": {"jobs": [{"job": _JOB, "id": _OTHER, "undoes": _UPDATE}]},
        },
    },
    "handOverJob": {
        "contractor": {
            "summary": "For two weeks",
            "value": {
                "name": "Mere Surfacing Ltd",
                "email": "office@mere-surfacing.example",
                "message": "Please make it safe first, and send a photo when it is filled.",
                "days": 14,
            },
        },
    },
    "updateJob": {
        "fixed": {
            "summary": "Done",
            "value": {
                "id": "e3b0c442-98fc-4c14-9afb-f4c8996fb924",
                "base_version": 2,
                "made_at": "2026-11-23T14:25:00Z",
                "status": "fixed",
                "note": "Two bags of cold mix",
                "public_message": "Filled today. We will be back to resurface in spring.",
            },
        },
        "waiting": {
            "summary": "It has to wait",
            "value": {
                "id": "1f3870be-274f-4c49-b3e3-1a0c6728957f",
                "base_version": 1,
                "made_at": "2026-11-23T09:10:00Z",
                "status": "waiting",
                "reason": "the gas board to finish",
            },
        },
    },
    "suggestRound": {
        "depot": {
            "summary": "From the depot, all that is open",
            "value": {"team": "highways", "start": {"lat": 52.0105, "lng": -0.9895}},
        },
    },
    "keepRound": {
        "own": {
            "summary": "This one first",
            "value": {
                "stops": [{"jobs": [_JOB]}],
                "start": {"lat": 52.0105, "lng": -0.9895},
            },
        },
    },
    "reviewPhoto": {
        "approve": {
            "summary": "It may be seen, once a number plate that was missed is filled too",
            "value": {
                "review": "human_ok",
                "regions": [
                    {"kind": "face", "x": 0.42, "y": 0.18, "width": 0.06, "height": 0.09},
                    {"kind": "plate", "x": 0.7, "y": 0.61, "width": 0.11, "height": 0.03},
                ],
            },
        },
        "hide": {"summary": "Nobody may see it", "value": {"review": "hidden"}},
    },
    "reviewWords": {"release": {"value": {"public": True}}},
    "createDevice": {"phone": {"value": {"platform": "android", "language": "cy"}}},
    "setPush": {
        "fcm": {
            "summary": "An app",
            "value": {"fcm": {"token": "the-token-that-firebase-gave-the-app"}},
        },
        "webpush": {
            "summary": "A browser: what its PushSubscription gives",
            "value": {
                "webpush": {
                    "endpoint": "https://push.example.com/send/dBlLqKPk4Vc",
                    "keys": {
                        # Of the example in RFC 8291.
                        "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcx"
                        "aOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
                        "auth": "BTBZMqHH6r4Tts7J_aSIgg",
                    },
                }
            },
        },
    },
    "createStaff": {
        "crew": {
            "summary": "One of a crew; the answer holds the link to send",
            "value": {
                "email": "kim@west.example",
                "name": "Kim Reed",
                "role": "crew",
                "teams": ["highways"],
            },
        },
    },
    "changeStaff": {
        "teams": {"summary": "To another team", "value": {"teams": ["cleansing"]}},
        "disabled": {"summary": "Not any more", "value": {"disabled": True}},
    },
    "setMyPassword": {
        "new": {"value": {"old": "the password", "new": "four words of my own"}},
    },
    "beginMySecondFactor": {"begin": {"value": {"password": "the password"}}},
    "confirmMySecondFactor": {"confirm": {"value": {"code": "492039"}}},
    "removeMySecondFactor": {"remove": {"value": {"password": "the password"}}},
    "sync": {
        "morning": {
            "summary": "Two things done without signal",
            "value": {
                "tablet": _DEVICE,
                "operations": [
                    {
                        "job_id": _JOB,
                        "device_seq": 1,
                        "id": "8d0f1f0e-3a51-4f7e-9c9c-2f4c1f7a5e23",
                        "base_version": 1,
                        "made_at": "2026-11-23T09:10:00Z",
                        "status": "in_progress",
                    },
                    {
                        "job_id": _JOB,
                        "device_seq": 2,
                        "id": "9e1a2b3c-3a51-4f7e-9c9c-2f4c1f7a5e24",
                        "base_version": 1,
                        "made_at": "2026-11-23T09:40:00Z",
                        "status": "fixed",
                        "note": "Filled and rolled",
                    },
                ],
            },
        },
    },
    "logIn": {
        "crew": {
            "value": {
                "grant_type": "password",
                "username": "sam@west.example",
                "password": "the password",
            }
        },
    },
}

#: Answers by operation and status.
ANSWERS: Final[dict[tuple[str, str], dict[str, Any]]] = {
    ("createReport", "201"): {
        "id": _REPORT,
        "reference": "KB-7F3K9Q",
        "status": "received",
        "category": "pothole",
        "authority": {"slug": "shire", "name": "Shire County Council"},
        "ward": {"code": "W1", "name": "W1 Ward"},
        "team": {"slug": "highways", "name": "Highways"},
        "job": {"id": _JOB, "reference": "KB-M4XW2D", "reports": 1, "matched": False},
        "priority": "P2",
        "due_at": "2026-11-24T17:00:00.000000Z",
        "location": {"lat": 52.0105, "lng": -0.9895, "accuracy_m": 8.0},
        "photos": [],
        "flags": [],
        "created_at": "2026-11-23T14:25:03.117204Z",
        "tracking_token": "kbt_8oYJ0c3pO5Cq1t0cJkR5m0bq3w9VJmQeS1uXw2n7d4E",
        "tracking_url": "https://report.shire.example/r/KB-7F3K9Q?t=kbt_8oYJ0c3pO5Cq1t0cJkR5m0bq3w9VJmQeS1uXw2n7d4E",
    },
    ("createReport", "202"): {
        "confirm": "email",
        "id": _REPORT,
        "expires_at": "2026-11-25T14:25:03.117Z",
    },
    ("createDevice", "201"): {
        "id": _DEVICE,
        "device_token": "kbd_2q5Zt9vH1r7XxkP0aB8mYw3nC6dE4fG5hJ2kL9pQ1sU",
    },
    ("putPhoto", "201"): {
        "id": _PHOTO,
        "state": "stored",
        "media_type": "image/jpeg",
        "bytes": 1843201,
        "width": 4032,
        "height": 3024,
    },
    ("getWhere", "200"): {
        "authorities": [
            {"slug": "west", "name": "West District Council"},
            {"slug": "shire", "name": "Shire County Council"},
        ],
        "ward": {"code": "W1", "name": "W1 Ward"},
        "division": {"code": "D1", "name": "D1 Division"},
        "team": {"slug": "highways", "name": "Highways"},
        "flags": [],
    },
}

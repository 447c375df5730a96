import unittest

from claims import claims, complaints

CONFIG = {"agents": False, "claims": {"cost_center": "cc", "teams": "teams"}}


class Claims(unittest.TestCase):
    def test_only_the_named_attributes_become_claims(self):
        attributes = {"cost_center": 42, "teams": ["red", "blue"], "salary": 100}
        self.assertEqual(claims(CONFIG, False, attributes), {"cc": 42, "teams": ["red", "blue"]})

    def test_what_is_not_there_or_does_not_fit_is_left_out(self):
        for value in [None, {"a": 1}, "x" * 201, ["x"] * 11, [1]]:
            self.assertEqual(claims(CONFIG, False, {"cost_center": value}), {}, value)
        self.assertEqual(claims(CONFIG, False, {}), {})

    def test_agents_get_none_unless_wanted(self):
        attributes = {"cost_center": 42}
        self.assertEqual(claims(CONFIG, True, attributes), {})
        self.assertEqual(claims({**CONFIG, "agents": True}, True, attributes), {"cc": 42})

    def test_a_configuration_is_held_against_what_it_may_say(self):
        self.assertEqual(complaints(CONFIG), [])
        self.assertEqual(len(complaints({"agents": 1, "claims": [], "x": 1})), 3)
        self.assertEqual(len(complaints({"agents": True, "claims": {"a": "b", "c": "b", "d": "not a name"}})), 2)


if __name__ == "__main__":
    unittest.main()

package main

import (
	"github.com/godbus/dbus/v5"
)

// emptyKeyring deletes every item of the login collection on a bus, as a person
// may with their keyring's own program.
func emptyKeyring(address string) error {
	conn, err := dbus.Connect(address)
	if err != nil {
		return err
	}
	defer conn.Close()
	const name, collection = "org.freedesktop.secrets", "/org/freedesktop/secrets/collection/login"
	items, err := conn.Object(name, collection).GetProperty("org.freedesktop.Secret.Collection.Items")
	if err != nil {
		return err
	}
	for _, item := range items.Value().([]dbus.ObjectPath) {
		if err := conn.Object(name, item).Call("org.freedesktop.Secret.Item.Delete", 0).Err; err != nil {
			return err
		}
	}
	return nil
}

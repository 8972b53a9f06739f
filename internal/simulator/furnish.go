package simulator

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// furnish makes the types, properties and records that the portal has from the
// start.
func (s *Simulator) furnish() error {
	s.types = &catalogue{names: map[string]*table{}}
	s.associations = newAssociations()
	own := maps.Clone(s.portal.Objects)
	for _, k := range standard {
		o := own[k.name]
		delete(own, k.name)
		t := &table{id: k.id, name: k.name, full: k.name, kind: k.kind, hasEmails: k.name == "contacts", object: o}
		builtin, err := standardProperties(k.name)
		if err != nil {
			return err
		}
		if err := t.define(builtin, o); err != nil {
			return at("objects/"+k.name, err)
		}
		s.types.add(t, k.id, k.name, strings.ToLower(k.kind))
	}
	for _, name := range slices.Sorted(maps.Keys(own)) {
		if err := s.custom(name, own[name]); err != nil {
			return at("objects/"+name, err)
		}
	}
	if err := s.furnishAssociations(); err != nil {
		return err
	}
	for i := range s.portal.Events.Definitions {
		if wrong := s.wrongRecords(&s.portal.Events.Definitions[i]); wrong != "" {
			return &PortalError{fmt.Sprintf("/customEvents/definitions/%d", i), wrong}
		}
	}
	return s.seed()
}

// seed makes the records that are there from the start. They are checked like
// those that are sent.
func (s *Simulator) seed() error {
	c := &call{Request: &http.Request{}, version: v3, now: s.now().UTC()}
	var wrong error
	s.types.each(func(t *table) {
		t.mu.Lock()
		defer t.mu.Unlock()
		for i, properties := range t.object.Records {
			place := fmt.Sprintf("objects/%s/records/%d", t.name, i)
			var g given
			var id int64
			for _, name := range slices.Sorted(maps.Keys(properties)) {
				if name == "hs_object_id" {
					id = parseID(properties[name])
					continue
				}
				g = append(g, pair{name, properties[name]})
			}
			p := s.plan(c, t, nil, g, nil)
			if p.refused != nil {
				if v := p.refused.violations; v != nil {
					wrong = cmp.Or(wrong, at(place+"/"+v[0].name, errors.New(v[0].message)))
				} else {
					wrong = cmp.Or(wrong, at(place, errors.New(p.refused.problem.Message)))
				}
				continue
			}
			if t.records[id] != nil {
				wrong = cmp.Or(wrong, at(place, fmt.Errorf("there is a record %d already", id)))
				continue
			}
			if id == 0 {
				id = s.lastID.Add(1)
			}
			s.insert(c, t, &p, id)
			s.lastID.Store(max(s.lastID.Load(), id))
		}
		for _, r := range t.order {
			t.see(r, r.now) // they have been there for long
		}
		t.unfound = nil
	})
	return wrong
}

// custom makes a type of the portal's own.
func (s *Simulator) custom(name string, o Object) error {
	if o.ObjectTypeID == "" {
		o.ObjectTypeID = fmt.Sprintf("2-%d", s.lastID.Add(1))
	}
	if known := s.types.find(name); known != nil {
		return fmt.Errorf("it is another name of %s: use that one", known.name)
	}
	if known := s.types.find(o.ObjectTypeID); known != nil {
		return &PortalError{"/objectTypeId", fmt.Sprintf("%s is the id of %s: give another, or none", o.ObjectTypeID, known.name)}
	}
	t := &table{
		id: o.ObjectTypeID, name: name, kind: strings.ToUpper(name), object: o,
		full: fmt.Sprintf("p%d_%s", s.portal.PortalID, name),
	}
	builtin, err := standardProperties("custom")
	if err != nil {
		return err
	}
	if err := t.define(builtin, o); err != nil {
		return err
	}
	s.types.add(t, t.id, t.name, t.full)
	s.associations.custom(t, s.types)
	return nil
}

// define gives the type its properties.
func (t *table) define(builtin []Property, o Object) error {
	t.records, t.unique, t.indexes = map[int64]*record{}, map[string]map[string]*record{}, map[*property]index{}
	t.properties = make(map[string]*property, len(builtin)+len(o.Properties))
	for _, p := range builtin {
		if err := t.add(p); err != nil {
			return err
		}
	}
	own := map[string]bool{}
	for i, p := range o.Properties {
		err := t.add(p)
		if own[p.Name] {
			err = fmt.Errorf("property %q is listed twice: remove one", p.Name)
		}
		if err != nil {
			return at(fmt.Sprintf("properties/%d", i), err)
		}
		own[p.Name] = true
	}
	for _, name := range o.Without {
		if t.properties[name] == nil {
			return fmt.Errorf("without names %q, which is no property", name)
		}
		delete(t.properties, name)
		delete(t.unique, name)
	}
	if wrong := t.checkNames(&o); wrong != nil {
		return wrong
	}
	return nil
}

// checkNames finds names in what is said of the type that are no properties of it.
func (t *table) checkNames(o *Object) *PortalError {
	type list struct {
		at    string
		names []string
	}
	lists := []list{{"requiredProperties", o.RequiredProperties}, {"searchableProperties", o.SearchableProperties}, {"form", o.Form}}
	if o.PrimaryDisplayProperty != "" {
		lists = append(lists, list{"primaryDisplayProperty", []string{o.PrimaryDisplayProperty}})
	}
	for i, c := range o.Conditions {
		lists = append(lists, list{fmt.Sprintf("conditions/%d/when", i), []string{c.When}}, list{fmt.Sprintf("conditions/%d/require", i), c.Require})
	}
	for _, l := range lists {
		for i, name := range l.names {
			if t.properties[name] == nil {
				return &PortalError{fmt.Sprintf("/%s/%d", l.at, i), fmt.Sprintf("Property %q does not exist", name)}
			}
		}
	}
	return nil
}

// add gives the type a property, or a new definition of one.
func (t *table) add(p Property) error {
	made, err := newProperty(p, t.hasEmails)
	if err != nil {
		return err
	}
	t.redefine(made)
	if p.HasUniqueValue || made.kind == asEmail {
		if t.unique[p.Name] == nil {
			t.unique[p.Name] = map[string]*record{}
		}
	}
	return nil
}

// redefine has a definition take the place of the one with its name, if any.
func (t *table) redefine(p *property) {
	delete(t.indexes, t.properties[p.Name])
	t.properties[p.Name] = p
}

// at says where in a portal file an error is.
func at(pointer string, err error) error {
	if wrong := (*PortalError)(nil); errors.As(err, &wrong) { // in what is there
		return &PortalError{Pointer: "/" + pointer + wrong.Pointer, Reason: wrong.Reason}
	}
	return &PortalError{Pointer: "/" + pointer, Reason: err.Error()}
}
